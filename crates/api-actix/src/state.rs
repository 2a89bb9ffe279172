//! The state that handlers, extractors and the middleware share.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::account::AccountService;
use domain::health::Probe;
use domain::identity::IdentityService;
use domain::secret::SecretSource;
use domain::session::{Principal, SessionService};
use domain::sync::SyncService;
use domain::time::Clock;
use domain::todo::TodoService;
use serde_json::Value;

use crate::error::HandlerResult;
use crate::per_user_gate::{HeavyWork, PerUserGate};
use crate::response_budget::ResponseBudget;
use crate::services::SurfaceServices;
use crate::settings::ApiSettings;

/// The state of the process, as application data.
pub struct State {
    pub todos: TodoService,
    pub sync: SyncService,
    pub accounts: AccountService,
    pub sessions: SessionService,
    pub identities: IdentityService,
    /// Accounts and logins of `/auth`.
    pub todos_surface: SurfaceServices,
    /// Accounts and logins of `/api/auth`.
    pub tasks_surface: SurfaceServices,
    pub probe: Arc<dyn Probe>,
    pub clock: Arc<dyn Clock>,
    pub secrets: Arc<dyn SecretSource>,
    pub settings: ApiSettings,
    pub public_keys: Value,
    pub render_metrics: Box<dyn Fn() -> String + Send + Sync>,
    pub response_budget: ResponseBudget,
    pub per_user_gate: PerUserGate,
    pub shutting_down: AtomicBool,
}

impl State {
    /// Runs `work` once the caller has no other work of this kind. Checks the caller again after
    /// waiting.
    pub async fn run_alone(
        &self,
        caller: &Principal,
        kind: HeavyWork,
        work: impl Future<Output = HandlerResult> + 'static,
    ) -> HandlerResult {
        let permit = self.per_user_gate.acquire(caller.user, kind).await?;
        self.sessions.check(caller)?;
        permit.run(work).await
    }

    /// Whether the server has begun to shut down.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }
}
