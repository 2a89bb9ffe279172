//! The routes of all surfaces, and the response to requests that match none.

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use actix_web::{HttpRequest, web};
use utoipa::openapi::PathItem;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::{Answer, Problem};
use crate::openapi::openapi_document;
use crate::route_table::{Route, RouteTable};
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
const UNDOCUMENTED: [&str; 4] = ["/ws/todos", "/docs", "/docs/", "/docs/{file}"];

/// Routes whose GET is not safe: it opens a socket, uses up a token, or begins a login. HEAD must be
/// safe (RFC 9110 section 9.2.1), and mail scanners send it to every link.
const WITHOUT_HEAD: [&str; 4] = [
    "/ws/todos",
    "/api/v1/auth/magic-link/verify",
    "/api/v1/auth/oauth/{provider}/login",
    "/api/v1/auth/oauth/{provider}/callback",
];

/// Every route with its methods.
pub static TABLE: RouteTable = RouteTable::new(routes, || ResourceDef::new(WITHOUT_HEAD));

fn routes() -> Vec<Route> {
    let document = openapi_document();
    let documented = document.paths.paths.iter().map(|(path, item)| (path.as_str(), methods(path, item)));
    let undocumented = UNDOCUMENTED.into_iter().map(|path| (path, get_methods(path).to_owned()));
    documented.chain(undocumented).map(|(path, methods)| (ResourceDef::new(path), methods)).collect()
}

fn methods(path: &str, item: &PathItem) -> String {
    let operations = [
        (&item.get, get_methods(path)),
        (&item.post, "POST"),
        (&item.put, "PUT"),
        (&item.patch, "PATCH"),
        (&item.delete, "DELETE"),
    ];
    let present = operations.iter().filter(|(operation, _)| operation.is_some());
    present.map(|(_, methods)| *methods).collect::<Vec<_>>().join(", ")
}

/// The methods that a route has by having GET.
fn get_methods(path: &str) -> &'static str {
    if WITHOUT_HEAD.contains(&path) { "GET" } else { "GET, HEAD" }
}

/// Responds to a request that matches no route: 405 if the path exists with other methods, else 404.
pub async fn unrouted(request: HttpRequest) -> Answer {
    match TABLE.methods(request.match_info().as_str()) {
        Some(methods) if *request.method() != Method::CONNECT => Err(Problem::wrong_method(methods)),
        _ => Err(Problem::no_such_route()),
    }
}
