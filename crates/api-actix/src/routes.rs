//! The routes of all surfaces, and the response to requests that match none.
//!
//! The file of a handler is named for its route: `v1/auth/login.rs` handles `/api/v1/auth/login`,
//! `todos/auth/login.rs` handles `/auth/login`. An `item.rs` handles the paths below `{id}`.

use actix_web::http::Method;
use actix_web::{HttpRequest, web};
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::{HandlerResult, Problem};
use crate::route_table::RouteTable;
use crate::web_app::WebApp;
use crate::{operational, realtime, tasks, todos, v1};

/// Registers every route. Documented ones add their operation to the OpenAPI document.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(scope("/api/v1").configure(v1::configure))
        .configure(operational::configure)
        .configure(todos::configure)
        .configure(tasks::configure)
        .route("/ws/todos", web::get().to(realtime::open));
}

/// Routes outside the document. All of them have GET.
pub const UNDOCUMENTED: [&str; 4] = ["/ws/todos", "/docs", "/docs/", "/docs/{file}"];

/// Routes whose GET is not safe: it opens a socket, uses up a token, or begins a login. HEAD must be
/// safe (RFC 9110 section 9.2.1), and mail scanners send it to every link.
pub const WITHOUT_HEAD: [&str; 4] = [
    "/ws/todos",
    "/api/v1/auth/magic-link/verify",
    "/api/v1/auth/oauth/{provider}/login",
    "/api/v1/auth/oauth/{provider}/callback",
];

/// Responds to a request that matches no route: with a file of the web app, with 405 if the path exists with other methods, else 404.
pub async fn unrouted(request: HttpRequest) -> HandlerResult {
    if *request.method() == Method::GET
        && let Some(response) = WebApp::of(&request).and_then(|app| app.respond(&request))
    {
        return Ok(response);
    }
    let path = request.match_info().as_str();
    let table = request.app_data::<&'static RouteTable>();
    match table.and_then(|table| table.methods(path)) {
        Some(methods) if *request.method() != Method::CONNECT => Err(Problem::wrong_method(methods)),
        _ if WebApp::of(&request).is_some_and(|app| app.has(path)) => Err(Problem::wrong_method("GET, HEAD")),
        _ => Err(Problem::no_such_route()),
    }
}
