//! The URL table, and what is answered outside it.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use actix_web::{HttpRequest, web};
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::{Answer, Problem};
use crate::middleware::surface;
use crate::{openapi_document, operational, realtime, tasks, todos, v1};

/// Every route; those that stand in the document are registered with their entry in it.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(scope("/api/v1").configure(v1::configure))
        .configure(operational::configure)
        .configure(todos::configure)
        .configure(tasks::configure)
        .route("/ws/todos", web::get().to(realtime::open));
}

/// Routes that don't stand in the document.
const UNDOCUMENTED: [&str; 4] = ["/ws/todos", "/docs", "/docs/", "/docs/{file}"];

/// Routes whose GET is what a browser has to follow and yet does something: it opens a socket, uses a token up, or begins a login. HEAD
/// promises that nothing is done (RFC 9110 section 9.2.1), and mail scanners send it to the links that they find.
const WITHOUT_HEAD: [&str; 4] = [
    "/ws/todos",
    "/api/v1/auth/magic-link/verify",
    "/api/v1/auth/oauth/{provider}/login",
    "/api/v1/auth/oauth/{provider}/callback",
];

/// Whether HEAD is answered at `path` as GET is.
pub fn answers_head(path: &str) -> bool {
    static WITHOUT: LazyLock<ResourceDef> = LazyLock::new(|| ResourceDef::new(WITHOUT_HEAD));
    !WITHOUT.is_match(path)
}

/// The methods of each route.
static METHODS: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
    let document = openapi_document();
    let documented = document.paths.paths.iter().map(|(path, item)| {
        let operations = [
            (&item.get, get_methods(path)),
            (&item.post, "POST"),
            (&item.put, "PUT"),
            (&item.patch, "PATCH"),
            (&item.delete, "DELETE"),
        ];
        let methods: Vec<_> =
            operations.iter().filter(|(operation, _)| operation.is_some()).map(|(_, name)| *name).collect();
        (path.as_str(), methods.join(", "))
    });
    let others = UNDOCUMENTED.into_iter().map(|path| (path, get_methods(path).to_owned()));
    documented.chain(others).map(|(path, methods)| (ResourceDef::new(path), methods)).collect()
});

/// The methods of a route that has GET.
fn get_methods(path: &str) -> &'static str {
    if WITHOUT_HEAD.contains(&path) { "GET" } else { "GET, HEAD" }
}

/// The methods of the route without parameters at `path`.
pub fn fixed_path_methods(path: &str) -> Option<String> {
    // Somebody may send a pattern as it stands in the document.
    let fixed = |route: &ResourceDef| route.pattern() == Some(path) && !path.contains('{');
    METHODS.iter().find(|(route, _)| fixed(route)).map(|(_, methods)| methods.clone())
}

/// Answers what no route takes: the method is wrong, or the path.
pub async fn unrouted(request: HttpRequest) -> Answer {
    let path = request.match_info().as_str();
    // `/api/v1/tasks` has the form of `/api/{user_id}/tasks` and is none.
    let of_surface = |route: &ResourceDef| route.pattern().map(surface) == Some(surface(path));
    let parameterised = || {
        let mut routes = METHODS.iter();
        routes
            .find(|(route, _)| route.is_match(path) && of_surface(route))
            .map(|(_, methods)| methods.clone())
    };
    match fixed_path_methods(path).or_else(parameterised) {
        Some(methods) if *request.method() != Method::CONNECT => Err(Problem::wrong_method(methods)),
        _ => Err(Problem::no_such_route()),
    }
}
