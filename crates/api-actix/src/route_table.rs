//! The methods of every route, for `Allow` headers and HEAD requests, and its operations, for traces.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use actix_web::http::Method;

use crate::surface::Surface;

/// A route pattern.
pub struct Route {
    pub pattern: ResourceDef,
    /// Its methods, in the form of an `Allow` header.
    pub methods: String,
    /// The ids of its operations in the document.
    pub operations: Vec<(Method, String)>,
}

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
        self.routes.iter().find(|route| matches(&route.pattern)).map(|route| route.methods.as_str())
    }

    /// The id of the operation that `method` is at the route with this pattern.
    pub fn operation(&self, pattern: &str, method: &Method) -> Option<&str> {
        let route = self.routes.iter().find(|route| route.pattern.pattern() == Some(pattern))?;
        let found = route.operations.iter().find(|(of, _)| of == method);
        found.map(|(_, id)| id.as_str())
    }
}
