//! Which adapter stands behind which port.

mod outside;
mod schema;
mod stores;

use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters_auth::{
    BcryptHasher, CachedIdentities, CostOutOfRange, EmptySecret, HmacOneTimeSecrets, HmacRefreshSecrets,
    IssuersError, JwtAccessTokens, KeyPair, KeyPairError, KeyRing, MemoryRateLimiter, SystemClock,
    SystemSecrets,
};
use adapters_mail::SmtpError;
use api_actix::connection::Timeouts;
use api_actix::realtime::Hub;
use api_actix::{Api, ApiSettings, Dependencies};
use domain::account::{AccountParts, AccountService};
use domain::identity::{IdentityParts, IdentityService, IdentityStore, ProviderError};
use domain::session::{Lifetimes, LoginDefence, Revocations, SessionParts, SessionService};
use domain::sync::SyncService;
use domain::todo::TodoService;
use domain::{Clock, StoreError};
use serde_json::json;
use thiserror::Error;

pub use schema::{migrate, migrations, revert};
pub use stores::{Closing, StoresError, check};

use crate::housekeeping::Housekeeper;
use crate::mail_worker::{MailPorts, MailSettings, MailWorker};
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
    Secret(#[from] EmptySecret),
    /// The key pairs are none.
    #[error("JWT_PRIVATE_KEY {0}")]
    KeyPairs(#[from] KeyPairError),
    /// An OAuth provider can't be set up.
    #[error("an OAuth provider can't be set up: {0}")]
    Provider(#[from] ProviderError),
    /// External issuers can't be set up.
    #[error(transparent)]
    Issuers(#[from] IssuersError),
    /// Mail can't be set up.
    #[error(transparent)]
    Smtp(#[from] SmtpError),
    /// bcrypt has no such cost.
    #[error("BCRYPT_COST_FACTOR {0}")]
    Cost(#[from] CostOutOfRange),
}

/// Everything that a serving process holds.
pub struct Wired {
    /// What handlers work with.
    pub api: Arc<Api>,
    /// Keeps the list of revocations fresh; its first reading is done.
    pub poll: Poll,
    /// Sends mail.
    pub mail: MailWorker,
    /// Removes what is of no more use.
    pub housekeeper: Housekeeper,
    /// Ends the stores.
    pub closing: Closing,
}

/// Opens the stores, brings their schema up to date, and puts services over them.
pub async fn assemble(
    settings: &Settings,
    render_metrics: impl Fn() -> String + Send + Sync + 'static,
) -> Result<Wired, WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets = Arc::new(SystemSecrets);
    let hub = Hub::new(clock.clone());
    let stores = stores::open(&settings.database, hub.clone()).await?;
    let revocations = Arc::new(Revocations::new(vec![hub.clone()]));
    let poll = Poll::begin(stores.sessions.clone(), revocations.clone(), clock.clone()).await?;

    let ring = KeyRing::parse(&settings.secret_key)?;
    let pairs = outside::key_pairs(settings)?;
    let one_time: Arc<HmacOneTimeSecrets> = Arc::new(HmacOneTimeSecrets::new(&ring));
    let identities: Arc<dyn IdentityStore> = Arc::new(CachedIdentities::new(stores.identities.clone()));
    let at_once = NonZeroUsize::new(cores()).unwrap_or(NonZeroUsize::MIN);
    let parts = SessionParts {
        accounts: stores.accounts.clone(),
        sessions: stores.sessions.clone(),
        revocations,
        hasher: Arc::new(BcryptHasher::new(settings.bcrypt_cost, at_once, HASHES_WAITING * at_once.get())?),
        access: Arc::new(JwtAccessTokens::new(&ring, &pairs, TOKENS_OF, TOKENS_OF)),
        refresh: Arc::new(HmacRefreshSecrets::new(&ring)),
        limiter: Arc::new(MemoryRateLimiter::new(LIMITED_KEYS)),
        secrets: secrets.clone(),
        clock: clock.clone(),
        issuers: outside::issuers(settings)?,
        identities: identities.clone(),
    };
    let defence = LoginDefence { quotas: settings.quotas, session_cap: settings.limits.sessions_per_user };
    let lifetimes = lifetimes(settings);
    let sessions = SessionService::new(parts, lifetimes, defence);
    let account_parts = AccountParts {
        one_time: stores.one_time.clone(),
        secrets: one_time.clone(),
        quotas: settings.quotas,
    };
    let accounts = AccountService::new(account_parts, sessions.clone());
    let identity_parts = IdentityParts {
        identities,
        accounts: stores.accounts,
        one_time: stores.one_time,
        secrets: one_time.clone(),
        providers: outside::providers(settings)?,
    };
    let mail_ports = MailPorts {
        outbox: stores.outbox,
        mailer: outside::mailer(settings)?,
        one_time,
        secrets: secrets.clone(),
        clock: clock.clone(),
    };
    let mail_settings = MailSettings {
        frontend_url: settings.mail.frontend_url.clone(),
        timeout: settings.mail.timeout,
        retry: settings.mail.retry,
    };
    let mail = MailWorker::new(mail_ports, mail_settings);
    let housekeeper = Housekeeper {
        sessions: stores.sessions,
        todos: stores.todos.clone(),
        clock: clock.clone(),
        tombstone_age: settings.housekeeping.tombstone_age,
        longest_access: lifetimes.longest_access,
        period: settings.housekeeping.period,
    };
    let quota = settings.limits.todos_per_user;
    let dependencies = Dependencies {
        todos: TodoService::new(stores.todos.clone(), clock.clone(), quota),
        sync: SyncService::new(stores.todos.clone(), clock.clone(), quota),
        identities: IdentityService::new(identity_parts, sessions.clone()),
        accounts,
        sessions,
        store: stores.todos,
        hub,
        probe: stores.probe,
        clock,
        secrets,
    };
    let public_keys = json!({ "keys": pairs.iter().map(KeyPair::public_jwk).collect::<Vec<_>>() });
    let api = Api::new(dependencies, api_settings(settings))
        .with_public_keys(public_keys)
        .with_metrics(render_metrics);
    Ok(Wired { api: Arc::new(api), poll, mail, housekeeper, closing: stores.closing })
}

fn lifetimes(settings: &Settings) -> Lifetimes {
    let usual = Lifetimes::default();
    let access = settings.access_token_lifetime.unwrap_or(usual.access);
    // What was issued before a restart with a shorter lifetime has to stay revoked for as long as it lives.
    let longest_access = access.max(usual.longest_access);
    Lifetimes { access, longest_access, refresh: settings.refresh_token_lifetime, ..usual }
}

fn api_settings(settings: &Settings) -> ApiSettings {
    ApiSettings {
        allowed_origins: settings.allowed_origins.clone(),
        body_limit: settings.limits.body_bytes,
        batch_limit: settings.limits.batch_todos,
        page_limit: settings.limits.page_size,
        access_token_lifetime: settings.access_token_lifetime,
        refresh_lifetime: settings.refresh_token_lifetime,
        frontend_url: settings.mail.frontend_url.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        api_quota: settings.api_quota,
        behind_tls: settings.behind_tls(),
        metrics_apart: settings.metrics_port.is_some(),
        timeouts: Timeouts::default(),
    }
}
