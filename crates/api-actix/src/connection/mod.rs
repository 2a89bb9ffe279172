//! A client's connection, below HTTP: how long it may keep the server waiting.
//!
//! The framework limits the time for the head of a connection's first request and for an idle
//! connection. It has no limit for a client that does not read a response, nor for a later request
//! whose head never arrives completely. [`TimedStream`] adds both, gives the framework one request
//! at a time, and bounds the memory of heads that are not complete. If too many connections are open,
//! those of the client with most make room.

mod activity;
mod admission;
mod choice;
mod framing;
mod input;
mod open;
mod output;
mod standing;
mod stream;
mod timeouts;

use std::future::{Future, ready};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::rt::net::TcpStream;

use output::GATHERED;
use stream::TimedStream;

pub(crate) use activity::{ActiveRequest, Activity, AwaitedBody};
pub(crate) use admission::Admission;
pub(crate) use framing::Body;
pub use open::OpenConnections;
pub(crate) use output::PIECE;
pub use timeouts::Timeouts;

/// How long the server continues to read after it has responded before the whole request arrived.
/// Closing at once would reset the connection and could discard the response.
const LINGER: Duration = Duration::from_secs(1);

/// Serves `app` on TCP connections with `timeouts`, which `admission` admits. `stopping` returns a future
/// that ends when the server begins to stop; each connection then closes after its current response.
pub(crate) fn serve<App, S, B, F, Stopping>(
    app: App,
    timeouts: Timeouts,
    admission: Admission,
    stopping: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    App: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
    F: Fn() -> Stopping + 'static,
    Stopping: Future<Output = ()> + 'static,
{
    let app = app.into_factory().map_err(|error| error.error_response());
    let http = HttpService::build()
        .keep_alive(timeouts.keep_alive)
        .client_request_timeout(timeouts.first_head)
        .client_disconnect_timeout(LINGER)
        .h1_write_buffer_size(GATHERED)
        .graceful_shutdown_signal(stopping)
        .on_connect_ext(|stream: &TimedStream<TcpStream>, data| {
            data.insert(stream.activity());
        })
        .finish(map_config(app, |()| AppConfig::default()));
    fn_service(move |stream: TcpStream| {
        let peer = stream.peer_addr().ok();
        // Large responses and socket events are several small writes. With Nagle's algorithm the last
        // one would wait up to 40 ms for a delayed acknowledgement. The call only fails on a
        // connection that is already closed.
        let _ = stream.set_nodelay(true);
        ready(Ok((
            TimedStream::new(stream, timeouts, admission.admit(peer.map(|peer| peer.ip()))),
            Protocol::Http1,
            peer,
        )))
    })
    .and_then(http)
}
