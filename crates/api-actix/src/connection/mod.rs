//! A client's connection, below HTTP: how long it may keep the server waiting, and the one error body for what is no HTTP.
//!
//! - [`Guarded`]: the stream with its deadlines
//! - [`Watch`]: what the stream is told of the requests that come over it
//! - [`refusal`]: the framework's bare answers, put into the one form
//!
//! The framework has a deadline for the head of a connection's first request and one for idle connections, and no more: none
//! for answers that nobody reads, none for a later request that never gets beyond its first bytes. And it answers what it can't
//! read by itself, before any middleware. So the server hands it guarded streams in place of plain ones.

mod guarded;
mod refusal;
mod watch;

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::rt::net::TcpStream;

use crate::{Api, app, metrics_app};

use guarded::Guarded;
pub(crate) use watch::{Underway, Watch};

/// How long what a client still sends is taken after an answer that did not wait for it, so that the answer is not lost.
const LINGER: Duration = Duration::from_secs(1);

/// How long clients may keep the server waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the head of a connection's first request.
    pub head: Duration,
    /// For a body to arrive in all: a client that trickles one in holds memory for it.
    pub body: Duration,
    /// For a client that takes nothing of an answer. It earns a second with each [`Patience::BYTES_A_SECOND`] that it takes, so that no
    /// answer can be held for ever by taking a byte now and then.
    pub answer: Duration,
    /// For the next request, on a connection on which nothing is sent: longer than the proxies in front of servers keep theirs, or
    /// they would send requests into a connection that is being closed.
    pub idle: Duration,
    /// For the next request to be complete up to its body, whatever is sent meanwhile.
    pub next: Duration,
}

impl Patience {
    /// How many bytes of an answer a client has to take a second, on the whole.
    pub const BYTES_A_SECOND: u32 = 8 * 1024;
}

impl Default for Patience {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self { head: secs(5), body: secs(30), answer: secs(30), idle: secs(75), next: secs(90) }
    }
}

/// The application on guarded connections, for `Server::build().listen`. `stopping` makes the future that ends when the server begins
/// to stop: from then on connections are closed after the answer to the request at hand.
pub fn service<F, Stopping>(
    api: Arc<Api>,
    stopping: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    F: Fn() -> Stopping + 'static,
    Stopping: Future<Output = ()> + 'static,
{
    guarded(app(api.clone()), api, stopping)
}

/// The same with `/metrics` alone.
pub fn metrics_service<F, Stopping>(
    api: Arc<Api>,
    stopping: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    F: Fn() -> Stopping + 'static,
    Stopping: Future<Output = ()> + 'static,
{
    guarded(metrics_app(api.clone()), api, stopping)
}

fn guarded<App, S, B, F, Stopping>(
    app: App,
    api: Arc<Api>,
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
    let patience = api.settings.patience;
    let app = app.into_factory().map_err(|error| error.error_response());
    let http = HttpService::build()
        .keep_alive(patience.idle)
        .client_request_timeout(patience.head)
        .client_disconnect_timeout(LINGER)
        .graceful_shutdown_signal(stopping)
        .on_connect_ext(|stream: &Guarded<TcpStream>, data| {
            data.insert(stream.watch());
        })
        .finish(map_config(app, |()| AppConfig::default()));
    fn_service(move |stream: TcpStream| {
        let peer = stream.peer_addr().ok();
        // A large answer and an event after another are several small writes: with Nagle's algorithm the last would wait for the client's
        // delayed acknowledgement, 40 ms. A connection that can't be set so is closed by now.
        let _ = stream.set_nodelay(true);
        let guarded = Guarded::new(stream, api.clone());
        ready(Ok((guarded, Protocol::Http1, peer)))
    })
    .and_then(http)
}
