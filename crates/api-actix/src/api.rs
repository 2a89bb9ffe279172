//! The API as a whole: its state, and the hub of its sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::account::AccountService;
use domain::health::Probe;
use domain::identity::IdentityService;
use domain::secret::SecretSource;
use domain::session::SessionService;
use domain::sync::SyncService;
use domain::time::Clock;
use domain::todo::TodoService;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::connection::{Admission, OpenConnections};
use crate::memory_budget::MemoryBudget;
use crate::per_user_gate::PerUserGate;
use crate::realtime::Hub;
use crate::services::SurfaceServices;
use crate::settings::ApiSettings;
use crate::state::State;
use crate::web_app::WebApp;

/// The services and ports that the API is built on.
pub struct Dependencies {
    pub todos: TodoService,
    pub sync: SyncService,
    pub accounts: AccountService,
    pub sessions: SessionService,
    pub identities: IdentityService,
    /// The event bus of the stores, and a listener of the revocations that `sessions` reads.
    pub hub: Arc<Hub>,
    /// Reports whether the database responds.
    pub probe: Arc<dyn Probe>,
    pub clock: Arc<dyn Clock>,
    /// Generates the ids of requests and todos.
    pub secrets: Arc<dyn SecretSource>,
}

/// The memory of all request heads that are not complete, in bytes; not a setting.
const HEAD_MEMORY: usize = 16 * 1024 * 1024;

/// What all workers share. [`app`](crate::app) serves it.
pub struct Api {
    pub(crate) state: Arc<State>,
    pub(crate) hub: Arc<Hub>,
    open_connections: OpenConnections,
    pub(crate) web_app: Option<Arc<WebApp>>,
}

impl Api {
    /// An API with an empty key set and without metrics.
    #[must_use]
    pub fn new(dependencies: Dependencies, settings: ApiSettings) -> Self {
        let Dependencies { todos, sync, accounts, sessions, identities, hub, probe, clock, secrets } =
            dependencies;
        let access = settings.access_token_lifetime;
        let open_connections = OpenConnections::new(settings.max_connections);
        let state = State {
            todos_surface: SurfaceServices::todos(&accounts, &sessions, access),
            tasks_surface: SurfaceServices::tasks(&accounts, &sessions, access),
            todos,
            sync,
            accounts,
            sessions,
            identities,
            probe,
            clock,
            secrets,
            public_keys: json!({ "keys": [] }),
            render_metrics: Box::new(String::new),
            redis: None,
            head_memory: MemoryBudget::new(HEAD_MEMORY),
            body_memory: MemoryBudget::new(settings.body_memory.max(2 * settings.body_limit)),
            response_memory: MemoryBudget::new(settings.response_memory),
            socket_memory: hub.memory().clone(),
            per_user_gate: PerUserGate::default(),
            background: None,
            described_epoch: Mutex::const_new(None),
            shutting_down: AtomicBool::new(false),
            settings,
        };
        Self { state: Arc::new(state), hub, open_connections, web_app: None }
    }

    /// Publishes a JWK set (RFC 7517 section 5), with which others verify access tokens.
    #[must_use]
    pub fn with_public_keys(mut self, public_keys: Value) -> Self {
        self.state_mut().public_keys = public_keys;
        self
    }

    /// Answers `/metrics` with the output of `render`, in the Prometheus text format.
    #[must_use]
    pub fn with_metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.state_mut().render_metrics = Box::new(render);
        self
    }

    /// Reports the state of Redis among the checks of `/health`.
    #[must_use]
    pub fn with_redis(mut self, is_up: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.state_mut().redis = Some(Box::new(is_up));
        self
    }

    /// Replaces the default [`PerUserGate`].
    #[must_use]
    pub fn with_per_user_gate(mut self, gate: PerUserGate) -> Self {
        self.state_mut().per_user_gate = gate;
        self
    }

    /// Handles large bodies on the blocking threads of this runtime, rather than of each worker, so that
    /// the workers are first where its threads have less priority.
    #[must_use]
    pub fn with_background(mut self, background: Handle) -> Self {
        self.state_mut().background = Some(background);
        self
    }

    /// Serves a web app at the paths that no route has, and at `/` to browsers.
    #[must_use]
    pub fn with_web_app(mut self, web_app: WebApp) -> Self {
        self.web_app = Some(Arc::new(web_app));
        self
    }

    #[expect(
        clippy::expect_used,
        reason = "a mistake of the program: an API is complete before it is served"
    )]
    fn state_mut(&mut self) -> &mut State {
        Arc::get_mut(&mut self.state).expect("the API is not being served yet")
    }

    /// Admits the connections of all workers.
    pub(crate) fn admission(&self) -> Admission {
        Admission {
            open: self.open_connections.clone(),
            heads: self.state.head_memory.clone(),
            proxies: self.state.settings.trusted_proxies.as_slice().into(),
        }
    }

    /// From now on `/health/ready` answers 503.
    pub fn begin_shutdown(&self) {
        self.state.shutting_down.store(true, Ordering::Release);
    }

    /// Closes every socket with 1012, those too that open from now on.
    pub fn close_sockets(&self) {
        self.hub.shut_down();
    }
}
