//! Which adapter stands behind which port.

mod stores;

use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters_auth::{
    BcryptHasher, CostOutOfRange, HmacRefreshSecrets, JwtAccessTokens, KeyRing, KeyRingError,
    MemoryRateLimiter, SystemClock, SystemSecrets,
};
use api_actix::realtime::Hub;
use api_actix::{Api, ApiSettings, Readiness};
use domain::account::AccountService;
use domain::session::{Lifetimes, LoginDefence, Revocations, SessionParts, SessionService};
use domain::sync::SyncService;
use domain::todo::TodoService;
use domain::{Clock, StoreError};
use thiserror::Error;

pub use stores::{Closing, StoresError, check, migrate, migrations, revert};

use crate::revocations::Poll;
use crate::settings::{Settings, cores};

/// `iss` and `aud` of the server's own tokens. They are no setting: instances with one secret have to agree on them.
const TOKENS_OF: &str = "todo-sync";
/// How many passwords may wait for each that is hashed: at the default cost the last of them waits some seconds.
const HASHES_WAITING: usize = 16;
/// How many keys the rate limiter keeps, a few hundred bytes each.
const LIMITED_KEYS: u64 = 50_000;

/// Why the server can't be put together.
#[derive(Debug, Error)]
pub enum WireError {
    /// The database can't be used.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The database can't be read.
    #[error("the database can't be read: {0}")]
    Read(#[from] StoreError),
    /// The secret is none.
    #[error("SECRET_KEY {0}")]
    Secret(#[from] KeyRingError),
    /// bcrypt has no such cost.
    #[error("BCRYPT_COST_FACTOR: {0}")]
    Cost(#[from] CostOutOfRange),
}

/// Everything that a serving process holds.
pub struct Wired {
    /// What handlers work with.
    pub api: Arc<Api>,
    /// Keeps the list of revocations fresh; its first reading is done.
    pub poll: Poll,
    /// Ends the stores.
    pub closing: Closing,
}

/// Opens the stores, brings their schema up to date, and puts services over them.
pub async fn assemble(
    settings: &Settings,
    render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
) -> Result<Wired, WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets = Arc::new(SystemSecrets);
    let hub = Hub::new(clock.clone());
    let stores = stores::open(&settings.database, hub.clone()).await?;
    let revocations = Arc::new(Revocations::new(vec![hub.clone()]));
    let poll = Poll::begin(stores.sessions.clone(), revocations.clone(), clock.clone()).await?;

    let ring = KeyRing::parse(&settings.secret_key)?;
    let at_once = NonZeroUsize::new(cores()).unwrap_or(NonZeroUsize::MIN);
    let parts = SessionParts {
        accounts: stores.accounts,
        sessions: stores.sessions,
        revocations,
        hasher: Arc::new(BcryptHasher::new(settings.bcrypt_cost, at_once, HASHES_WAITING * at_once.get())?),
        access: Arc::new(JwtAccessTokens::new(&ring, TOKENS_OF, TOKENS_OF)),
        refresh: Arc::new(HmacRefreshSecrets::new(&ring)),
        limiter: Arc::new(MemoryRateLimiter::new(LIMITED_KEYS)),
        secrets: secrets.clone(),
        clock: clock.clone(),
    };
    let defence =
        LoginDefence { quotas: settings.login_limits, session_cap: settings.limits.sessions_per_user };
    let sessions = SessionService::new(parts, lifetimes(settings), defence);
    let quota = settings.limits.todos_per_user;
    let api = Api {
        todos: TodoService::new(stores.todos.clone(), clock.clone(), quota),
        sync: SyncService::new(stores.todos.clone(), clock.clone(), quota),
        accounts: AccountService::new(sessions.clone()),
        sessions,
        store: stores.todos,
        hub,
        probe: stores.probe,
        clock,
        secrets,
        settings: api_settings(settings),
        render_metrics,
        ready: Arc::new(Readiness::default()),
    };
    Ok(Wired { api: Arc::new(api), poll, closing: stores.closing })
}

fn lifetimes(settings: &Settings) -> Lifetimes {
    let access = settings.access_token_lifetime;
    // What was issued before a restart with a shorter lifetime has to stay revoked for as long as it lives.
    let longest_access = access.max(Lifetimes::default().longest_access);
    Lifetimes { access, longest_access, refresh: settings.refresh_token_lifetime }
}

fn api_settings(settings: &Settings) -> ApiSettings {
    ApiSettings {
        allowed_origins: settings.allowed_origins.clone(),
        body_limit: settings.limits.body_bytes,
        batch_limit: settings.limits.batch_todos,
        page_limit: settings.limits.page_size,
        refresh_lifetime: settings.refresh_token_lifetime,
    }
}
