//! What every handler has at hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::account::AccountService;
use domain::health::Probe;
use domain::identity::IdentityService;
use domain::secret::SecretSource;
use domain::session::SessionService;
use domain::sync::SyncService;
use domain::time::Clock;
use domain::todo::{TodoService, TodoStore};
use serde_json::{Value, json};

use crate::realtime::Hub;
use crate::services::SurfaceServices;
use crate::settings::ApiSettings;
use crate::turns::Turns;
use crate::unread::Unread;

/// The services and ports that the API is built on.
pub struct Dependencies {
    pub todos: TodoService,
    pub sync: SyncService,
    pub accounts: AccountService,
    pub sessions: SessionService,
    pub identities: IdentityService,
    /// Sockets replay missed events from it, and exports read it.
    pub store: Arc<dyn TodoStore>,
    /// The event bus of `store`, and a listener of the revocations that `sessions` reads.
    pub hub: Arc<Hub>,
    /// Reports whether the database answers.
    pub probe: Arc<dyn Probe>,
    pub clock: Arc<dyn Clock>,
    /// Generates the ids of requests and todos.
    pub secrets: Arc<dyn SecretSource>,
}

/// The state that all workers share. [`app`](crate::app) serves it.
pub struct Api {
    pub(crate) todos: TodoService,
    pub(crate) sync: SyncService,
    pub(crate) accounts: AccountService,
    pub(crate) sessions: SessionService,
    pub(crate) identities: IdentityService,
    /// Accounts and logins of `/auth`.
    pub(crate) todos_surface: SurfaceServices,
    /// Accounts and logins of `/api/auth`.
    pub(crate) tasks_surface: SurfaceServices,
    pub(crate) store: Arc<dyn TodoStore>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) probe: Arc<dyn Probe>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) secrets: Arc<dyn SecretSource>,
    pub(crate) settings: ApiSettings,
    pub(crate) public_keys: Value,
    pub(crate) render_metrics: Box<dyn Fn() -> String + Send + Sync>,
    pub(crate) unread: Unread,
    pub(crate) turns: Turns,
    shutting_down: AtomicBool,
}

impl Api {
    /// An API with an empty key set and without metrics.
    #[must_use]
    pub fn new(dependencies: Dependencies, settings: ApiSettings) -> Self {
        let Dependencies { todos, sync, accounts, sessions, identities, store, hub, probe, clock, secrets } =
            dependencies;
        let access = settings.access_token_lifetime;
        Self {
            todos_surface: SurfaceServices::todos(&accounts, &sessions, access),
            tasks_surface: SurfaceServices::tasks(&accounts, &sessions, access),
            todos,
            sync,
            accounts,
            sessions,
            identities,
            store,
            hub,
            probe,
            clock,
            secrets,
            settings,
            public_keys: json!({ "keys": [] }),
            render_metrics: Box::new(String::new),
            unread: Unread::default(),
            turns: Turns::default(),
            shutting_down: AtomicBool::new(false),
        }
    }

    /// Publishes a JWK set (RFC 7517 section 5), with which others verify access tokens.
    #[must_use]
    pub fn with_public_keys(self, public_keys: Value) -> Self {
        Self { public_keys, ..self }
    }

    /// Answers `/metrics` with what `render` returns, in the Prometheus text format.
    #[must_use]
    pub fn with_metrics(self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { render_metrics: Box::new(render), ..self }
    }

    /// Replaces the default [`Turns`].
    #[must_use]
    pub fn with_turns(self, turns: Turns) -> Self {
        Self { turns, ..self }
    }

    /// From now on `/health/ready` answers 503, and every socket closes with 1012.
    pub fn begin_shutdown(&self) {
        self.shutting_down.store(true, Ordering::Release);
        self.hub.shut_down();
    }

    /// Reports whether [`Api::begin_shutdown`] was called.
    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }
}
