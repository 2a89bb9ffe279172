//! The HTTP contracts, and which of them a path belongs to.

/// One of the HTTP contracts over the same domain. It decides the status of an error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `/api/v1`, `/ws` and the operational endpoints.
    V1,
    /// `/auth` and `/todos`.
    Todos,
    /// `/api/auth`, `/api/tasks` and `/api/{user_id}/tasks`.
    Tasks,
}

impl Surface {
    /// Every surface.
    pub const ALL: [Self; 3] = [Self::V1, Self::Todos, Self::Tasks];

    /// The surface of a decoded path. Paths without a route belong to one too.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let mut segments = path.split('/').skip(1);
        match (segments.next(), segments.next()) {
            (Some("auth" | "todos"), _) => Self::Todos,
            (Some("api"), Some(second)) if second != "v1" => Self::Tasks,
            _ => Self::V1,
        }
    }
}
