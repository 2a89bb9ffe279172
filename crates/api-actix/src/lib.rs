//! The HTTP and WebSocket surfaces over the domain.
//!
//! The layers from the bottom up, as `modules.order` states them:
//!
//! - [`surface`]: the contracts, and which one a path belongs to
//! - `content`: what is compressed once for all responses
//! - [`connection`]: time limits of connections
//! - [`memory_budget`]: bounds on the memory of request bodies and unread responses
//! - [`error`]: the error body, and the status of each error code on each surface
//! - `pace`: long work gives way
//! - [`per_user_gate`]: one expensive request at a time for each user
//! - `state`: what handlers and extractors share
//! - [`extract`]: the input of handlers
//! - `wire`: representations and responses that surfaces share
//! - `middleware`: the layers that every request passes through
//! - `web_app`: the files of the web app, on the server's own origin
//! - the surfaces, each a folder with a file per path: `v1` (`/api/v1`), `todos` (`/auth`, `/todos`), `tasks`
//!   (`/api/auth`, `/api/tasks`, `/api/{user_id}/tasks`), [`realtime`] (`/ws/todos`) and `operational`
//! - `routes` and the OpenAPI document
//!
//! Deliberately absent: rules. A handler parses, calls one service, and responds to the outcome.

mod api;
pub mod connection;
mod content;
pub mod error;
mod extract;
pub mod memory_budget;
mod middleware;
mod openapi;
mod operational;
mod pace;
pub mod per_user_gate;
pub mod realtime;
pub mod rfc3339;
mod route_table;
mod routes;
mod schema;
mod services;
mod settings;
mod state;
pub mod surface;
mod tasks;
mod todos;
mod v1;
mod web_app;
mod wire;

use actix_http::error::DispatchError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, Error, HttpResponse, web};
use utoipa_actix_web::AppExt as _;

use error::Problem;

pub use api::{Api, Dependencies};
pub use openapi::{asyncapi_document, openapi_document};
pub use settings::{ApiSettings, Surroundings};
pub use v1::write_export;
pub use web_app::WebApp;

/// The application, for each worker; [`service`] serves it on connections.
pub fn app(
    api: &Api,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let cors = middleware::cors(api.state.clone());
    App::new()
        .app_data(web::Data::from(api.state.clone()))
        .app_data(web::Data::from(api.hub.clone()))
        .app_data(api.web_app.clone())
        .app_data(&openapi::ROUTE_TABLE)
        .app_data(web::Data::new(openapi::documents(api.state.settings.public_url.clone())))
        .into_utoipa_app()
        .configure(routes::configure)
        .default_service(web::to(routes::unrouted))
        .into_app()
        .wrap(cors)
        .wrap(from_fn(middleware::around::<actix_web::body::EitherBody<BoxBody>>))
}

/// `/metrics` and nothing else, for a port of its own.
pub fn metrics_app(
    api: &Api,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .app_data(web::Data::from(api.state.clone()))
        .route("/metrics", web::get().to(operational::render_metrics))
        .default_service(web::to(async || Err::<HttpResponse, _>(Problem::no_such_route())))
        .wrap(from_fn(middleware::around::<BoxBody>))
}

/// The application on TCP connections, for `Server::build().listen`. `stopping` returns a future that
/// ends when the server begins to stop; each connection then closes after its current response.
pub fn service<F, Stopping>(
    api: &Api,
    stopping: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
+ use<F, Stopping>
where
    F: Fn() -> Stopping + 'static,
    Stopping: Future<Output = ()> + 'static,
{
    connection::serve(app(api), api.state.settings.timeouts, api.admission(), stopping)
}

/// Like [`service`], with `/metrics` alone.
pub fn metrics_service<F, Stopping>(
    api: &Api,
    stopping: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
+ use<F, Stopping>
where
    F: Fn() -> Stopping + 'static,
    Stopping: Future<Output = ()> + 'static,
{
    connection::serve(metrics_app(api), api.state.settings.timeouts, api.admission(), stopping)
}
