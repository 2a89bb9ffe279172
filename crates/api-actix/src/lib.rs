//! The HTTP and WebSocket surfaces over the domain.
//!
//! - [`error`]: the one error body and the status of each code on each surface
//! - [`extract`]: what handlers take in; every rejection is a [`error::Problem`]
//! - [`middleware`]: what every request passes through
//! - [`connection`]: time limits of connections
//! - [`unread`]: how much memory answers may take that nobody reads
//! - [`turns`]: one at a time for a user, of what costs much
//! - [`v1`]: the sync contract, `/api/v1`
//! - [`todos`]: the token contract, `/auth` and `/todos`
//! - [`tasks`]: the task contracts, `/api/tasks` and `/api/{user_id}/tasks`
//! - [`realtime`]: the socket and its hub
//! - [`operational`]: health, metrics, the document and its page
//! - [`openapi`]: the document itself
//!
//! Deliberately absent: rules. A handler parses, makes one service call and words the outcome.

mod api;
pub mod connection;
pub mod error;
pub mod extract;
pub mod middleware;
pub mod moment;
pub mod openapi;
pub mod operational;
pub mod realtime;
mod route_table;
mod routes;
mod schema;
mod services;
mod settings;
mod shared;
pub mod surface;
pub mod tasks;
pub mod todos;
pub mod turns;
pub mod unread;
pub mod v1;
mod wire;

use std::sync::Arc;

use actix_http::error::DispatchError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, Error, HttpResponse, web};
use utoipa_actix_web::AppExt as _;

use error::Problem;

pub use api::{Api, Dependencies};
pub use openapi::openapi_document;
pub use settings::ApiSettings;

/// The application, for each worker; [`service`] serves it on connections.
pub fn app(
    api: Arc<Api>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let cors = middleware::cors(&api.settings.allowed_origins);
    App::new()
        .app_data(web::Data::from(api))
        .app_data(&routes::TABLE)
        .into_utoipa_app()
        .configure(routes::configure)
        .default_service(web::to(routes::unrouted))
        .into_app()
        .wrap(cors)
        .wrap(from_fn(middleware::around::<actix_web::body::EitherBody<BoxBody>>))
}

/// `/metrics` and nothing else, for a port of its own.
pub fn metrics_app(
    api: Arc<Api>,
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
        .app_data(web::Data::from(api))
        .route("/metrics", web::get().to(operational::figures))
        .default_service(web::to(async || Err::<HttpResponse, _>(Problem::no_such_route())))
        .wrap(from_fn(middleware::around::<BoxBody>))
}

/// The application on TCP connections, for `Server::build().listen`. `stopping` returns a future that
/// ends when the server begins to stop; each connection then closes after its current response.
pub fn service<F, Stopping>(
    api: Arc<Api>,
    stopping: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    F: Fn() -> Stopping + 'static,
    Stopping: Future<Output = ()> + 'static,
{
    let timeouts = api.settings.timeouts;
    connection::serve(app(api), timeouts, stopping)
}

/// Like [`service`], with `/metrics` alone.
pub fn metrics_service<F, Stopping>(
    api: Arc<Api>,
    stopping: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    F: Fn() -> Stopping + 'static,
    Stopping: Future<Output = ()> + 'static,
{
    let timeouts = api.settings.timeouts;
    connection::serve(metrics_app(api), timeouts, stopping)
}
