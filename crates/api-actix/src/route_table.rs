//! The methods of every route, for `Allow` headers and HEAD requests.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;

use crate::surface::Surface;

/// A route pattern and its methods, in the form of an `Allow` header.
pub type Route = (ResourceDef, String);

/// The routes of the application. It is application data of type `&'static RouteTable`.
pub struct RouteTable {
    routes: LazyLock<Vec<Route>>,
    without_head: LazyLock<ResourceDef>,
}

impl RouteTable {
    /// A table that is computed when it is first needed. `without_head` matches the routes that have
    /// GET but not HEAD.
    pub const fn new(routes: fn() -> Vec<Route>, without_head: fn() -> ResourceDef) -> Self {
        Self { routes: LazyLock::new(routes), without_head: LazyLock::new(without_head) }
    }

    /// Whether HEAD is allowed at `path` if GET is.
    pub fn answers_head(&self, path: &str) -> bool {
        !self.without_head.is_match(path)
    }

    /// The methods of the route without parameters at `path`.
    pub fn fixed_path_methods(&self, path: &str) -> Option<&str> {
        // A client may send a pattern of the document literally, `/todos/{id}`.
        let is_fixed = |route: &ResourceDef| route.pattern() == Some(path) && !path.contains('{');
        self.find(is_fixed)
    }

    /// The methods of the route that `path` matches.
    pub fn methods(&self, path: &str) -> Option<&str> {
        // `/api/v1/tasks` matches the pattern `/api/{user_id}/tasks` of another surface.
        let surface = Some(Surface::of(path));
        let matches =
            |route: &ResourceDef| route.is_match(path) && route.pattern().map(Surface::of) == surface;
        self.fixed_path_methods(path).or_else(|| self.find(matches))
    }

    fn find(&self, matches: impl Fn(&ResourceDef) -> bool) -> Option<&str> {
        self.routes.iter().find(|(route, _)| matches(route)).map(|(_, methods)| methods.as_str())
    }
}
