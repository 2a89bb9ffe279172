//! The state that handlers, extractors and the middleware share.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::UserId;
use domain::account::AccountService;
use domain::health::Probe;
use domain::identity::IdentityService;
use domain::secret::SecretSource;
use domain::session::{Principal, SessionService};
use domain::sync::{Epoch, SyncService};
use domain::time::Clock;
use domain::todo::{PART_BYTES, TodoService};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::{HandlerResult, Problem};
use crate::memory_budget::{MemoryBudget, Owner, Reservation};
use crate::per_user_gate::{HeavyWork, PerUserGate, Permit};
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
    /// Whether Redis works; `None` if there is none.
    pub redis: Option<Box<dyn Fn() -> bool + Send + Sync>>,
    pub head_memory: MemoryBudget,
    pub body_memory: MemoryBudget,
    pub response_memory: MemoryBudget,
    pub socket_memory: MemoryBudget,
    pub per_user_gate: PerUserGate,
    /// Where large bodies are handled; `None` is the worker's runtime.
    pub background: Option<Handle>,
    /// The epoch as `/api/v1/server` last read it, and when.
    pub described_epoch: Mutex<Option<(Instant, Epoch)>>,
    pub shutting_down: AtomicBool,
}

/// The memory for a part of a long read: its texts, as loaded and as written, and the names of members.
const PART_MEMORY: usize = 3 * PART_BYTES;
/// An upper bound on the memory for a todo of a response: its texts, as loaded and as written. Todos with
/// longer texts exist only in scripts that take several bytes for a character.
const TODO_BYTES: usize = 40 * 1024;
/// The most memory that is reserved for the response to a batch.
const LARGEST_BATCH: usize = 16 * 1024 * 1024;
/// How long a request waits for memory before it is refused.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a response that has begun waits for the memory of its next part.
const NEXT_PART_TIMEOUT: Duration = Duration::from_secs(30);

impl State {
    /// Reserves memory for a response with up to `todos` todos, or waits until there is some.
    pub async fn reserve_page(&self, user: UserId, todos: u32) -> Result<Reservation, Problem> {
        let bytes = usize::try_from(todos).unwrap_or(usize::MAX).saturating_mul(TODO_BYTES);
        self.reserve_response(user, bytes, MEMORY_TIMEOUT).await
    }

    /// Reserves memory for the response to a batch, which shows each of its todos. They may be larger than
    /// this, but then there are few such batches at once.
    pub async fn reserve_batch(&self, user: UserId, todos: usize) -> Result<Reservation, Problem> {
        let bytes = todos.saturating_mul(TODO_BYTES).min(LARGEST_BATCH);
        self.reserve_response(user, bytes, MEMORY_TIMEOUT).await
    }

    /// Reserves memory for the first or only part of a response, or waits until there is some.
    pub async fn reserve_part(&self, user: UserId) -> Result<Reservation, Problem> {
        self.reserve_response(user, PART_MEMORY, MEMORY_TIMEOUT).await
    }

    /// Reserves memory for another part of a response, and waits longer.
    pub async fn reserve_next_part(&self, user: UserId) -> Result<Reservation, Problem> {
        self.reserve_response(user, PART_MEMORY, NEXT_PART_TIMEOUT).await
    }

    async fn reserve_response(
        &self,
        user: UserId,
        bytes: usize,
        patience: Duration,
    ) -> Result<Reservation, Problem> {
        let reserved = self.response_memory.reserve(Owner::User(user), bytes, patience).await;
        reserved.map_err(|reason| Problem::out_of_memory(reason, "responses"))
    }

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

    /// As [`Self::run_alone`], for a batch in the body of a request; apart from the worker if it is large.
    /// Ends the turn of the body when the work begins, so that the user's next body arrives meanwhile.
    pub async fn run_batch<Work>(
        &self,
        caller: &Principal,
        (is_large, turn): (bool, Option<Permit>),
        work: impl FnOnce() -> Work + Send + 'static,
    ) -> HandlerResult
    where
        Work: Future<Output = HandlerResult> + 'static,
    {
        if !is_large {
            let permit = self.per_user_gate.acquire(caller.user, HeavyWork::Read).await?;
            drop(turn);
            self.sessions.check(caller)?;
            return permit.run(work()).await;
        }
        let permit = self.per_user_gate.acquire_large(caller.user, HeavyWork::Read).await?;
        drop(turn);
        self.sessions.check(caller)?;
        let background = self.background.clone().unwrap_or_else(Handle::current);
        permit.run_apart(&background, work).await
    }

    /// Whether the server has begun to shut down.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }
}
