//! The HTTP and WebSocket surfaces over the domain.
//!
//! - [`error`]: the one error body and the status of each code on each surface
//! - [`extract`]: what handlers take in; every rejection is a [`error::Problem`]
//! - [`middleware`]: what every request passes through
//! - [`connection`]: deadlines of connections, and answers to what is no HTTP
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

pub mod connection;
pub mod error;
pub mod extract;
pub mod middleware;
pub mod moment;
pub mod openapi;
pub mod operational;
pub mod realtime;
mod routes;
mod services;
mod shared;
pub mod tasks;
pub mod todos;
pub mod turns;
pub mod unread;
pub mod v1;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpResponse, web};
use domain::account::AccountService;
use domain::health::Probe;
use domain::identity::IdentityService;
use domain::limits::Quota;
use domain::secret::SecretSource;
use domain::session::SessionService;
use domain::sync::SyncService;
use domain::time::Clock;
use domain::todo::{TodoService, TodoStore};
use utoipa_actix_web::AppExt as _;

use error::Problem;

pub use openapi::openapi_document;
pub use services::SurfaceServices;

/// Everything that the handlers work with; one for the whole process.
pub struct Api {
    /// Single todos, lists and bulk changes.
    pub todos: TodoService,
    /// The exchange with a device.
    pub sync: SyncService,
    /// Accounts.
    pub accounts: AccountService,
    /// Logins through OAuth providers.
    pub identities: IdentityService,
    /// The keys by which others can check access tokens (RFC 7517 section 5); none where they are signed with a secret.
    pub public_keys: serde_json::Value,
    /// Logins, and letting requests in.
    pub sessions: SessionService,
    /// Accounts and logins of `/auth`.
    pub todos_surface: SurfaceServices,
    /// Accounts and logins of `/api/auth`.
    pub tasks_surface: SurfaceServices,
    /// Where todos are kept; sockets replay from it.
    pub store: Arc<dyn TodoStore>,
    /// The open sockets.
    pub hub: Arc<realtime::Hub>,
    /// Whether the database is there.
    pub probe: Arc<dyn Probe>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub secrets: Arc<dyn SecretSource>,
    /// What an operator may set.
    pub settings: ApiSettings,
    /// Writes what `/metrics` answers, in the Prometheus text format.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether new requests are wanted.
    pub ready: Arc<Readiness>,
    /// The large answers that clients have not read yet.
    pub unread: unread::Unread,
    /// Who is at something that costs much.
    pub turns: turns::Turns,
}

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The exact origins whose pages may call the API, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// The most bytes a request body may have; those of authentication have a smaller limit besides.
    pub body_limit: usize,
    /// The most todos in one bulk or sync request.
    pub batch_limit: usize,
    /// The most todos on one page of a list.
    pub page_limit: u32,
    /// How long a refresh token lives, for the cookie that carries it.
    pub refresh_lifetime: std::time::Duration,
    /// The frontend, an absolute http or https address: OAuth logins come out there, or on a page of an allowed origin.
    pub frontend_url: String,
    /// The proxies whose word about a client's address counts.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// How many requests a user may send; `None` counts nothing.
    pub api_quota: Option<Quota>,
    /// Whether clients reach the server over TLS, which a proxy before it ends: cookies are then for TLS alone whatever a request says,
    /// and browsers are told to come over TLS from now on.
    pub behind_tls: bool,
    /// Whether `/metrics` is answered on a port of its own ([`metrics_app`]) and not on this one.
    pub metrics_apart: bool,
    /// How long clients may keep the server waiting.
    pub patience: connection::Patience,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            body_limit: 2 * 1024 * 1024,
            batch_limit: 1000,
            page_limit: 100,
            refresh_lifetime: domain::session::Lifetimes::default().refresh,
            frontend_url: "http://localhost:3000".to_owned(),
            trusted_proxies: Vec::new(),
            api_quota: None,
            behind_tls: false,
            metrics_apart: false,
            patience: connection::Patience::default(),
        }
    }
}

/// Whether this instance wants new requests; turned off once, when it begins to shut down.
#[derive(Debug, Default)]
pub struct Readiness {
    leaving: AtomicBool,
}

impl Readiness {
    /// From now on `/health/ready` answers 503.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether [`Readiness::leave`] was called.
    #[must_use]
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }
}

/// The application, for each worker; [`connection::service`] puts it on connections.
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
