//! Chooses the adapter behind each port.

mod command;
mod error;
mod files;
mod outside;
mod schema;
mod shared;
mod stores;

use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters_auth::{
    BcryptHasher, CachedIdentities, HmacOneTimeSecrets, HmacRefreshSecrets, JwtAccessTokens, KeyPair,
    KeyRing, SystemClock, SystemSecrets,
};
use adapters_redis::RedisRateLimiter;
use api_actix::connection::Timeouts;
use api_actix::realtime::Hub;
use api_actix::{Api, ApiSettings, Dependencies, Surroundings, WebApp};
use domain::Clock;
use domain::account::{AccountPorts, AccountService, Registration};
use domain::housekeeping::{HousekeepingService, Retention};
use domain::identity::{IdentityPorts, IdentityService, IdentityStore};
use domain::instances::{Bus, OtherWriters};
use domain::limits::RateLimits;
use domain::session::{Lifetimes, RevocationReader, Revocations, SessionPorts, SessionService};
use domain::sync::SyncService;
use domain::todo::{TodoService, TodoStore};
use serde_json::json;
use tokio::runtime::Handle;

pub use command::{CommandServices, administration, announce_revocations, command_services};
pub use error::WireError;
pub use files::{Moved, back_up, check as check_database, end_all_sessions, restore, transfer};
pub use schema::{
    MigrationStatus, Reversion, begin_epoch, lock, migrate, migrations, revert, set_row_security,
};
pub use stores::{DatabaseHandle, check};

use crate::backups::BackupWorker;
use crate::deletions::Deletions;
use crate::housekeeping::Housekeeper;
use crate::instances::{Arrivals, Publisher};
use crate::mail_worker::{MailPorts, MailSettings, MailWorker};
use crate::rate_limits::Counted;
use crate::settings::{Database, DatabaseUrl, Environment, Settings, cores};

/// The `iss` and the `aud` of the server's own tokens. Not a setting, because all instances must agree.
const TOKEN_ISSUER: &str = "todo-sync";
/// The length of each of the hasher's queues per core. At a cost of 10 the last password in one waits
/// for about the 10 seconds after which it is refused; at the default cost, half of them do.
const HASHER_QUEUE_PER_CORE: usize = 64;

/// The API and the background tasks of a server.
pub struct Application {
    pub api: Arc<Api>,
    /// Has read the revocations once.
    pub revocations: RevocationReader,
    pub arrivals: Arc<Arrivals>,
    /// The bus to the other instances; `None` if there can be none.
    pub bus: Option<Arc<dyn Bus>>,
    /// Commands that write without a bus; `None` where they have one.
    pub others: Option<Arc<dyn OtherWriters>>,
    /// The rate limiter; `None` if it counts in process.
    pub shared_limiter: Option<Arc<RedisRateLimiter>>,
    pub todos: Arc<dyn TodoStore>,
    pub mail: MailWorker,
    pub housekeeper: Housekeeper,
    pub deletions: Deletions,
    /// Only where backups are scheduled.
    pub backups: Option<BackupWorker>,
    pub database: DatabaseHandle,
}

/// Migrates the schema, opens the database, and creates the services. Work that may wait runs on `background`.
/// Over `max_connections`, idle connections close.
pub async fn assemble(
    settings: &Settings,
    background: &Handle,
    max_connections: usize,
    render_metrics: impl Fn() -> String + Send + Sync + 'static,
) -> Result<Application, WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets = Arc::new(SystemSecrets);
    let hub = Hub::new(clock.clone());
    let bus = shared::bus(settings)?;
    let publisher = Arc::new(Publisher { hub: hub.clone(), bus: bus.clone() });
    let stores = stores::open(&settings.database, "serve", publisher, Some(background)).await?;
    let revocations = Arc::new(Revocations::new(vec![hub.clone()]).with_bus(bus.clone()));
    let arrivals = Arc::new(Arrivals::new(hub.clone()));
    let mut reader = RevocationReader::new(stores.sessions.clone(), revocations.clone(), clock.clone());
    reader.read().await?;

    let ring = KeyRing::parse(&settings.secret_key)?;
    let key_pairs = outside::key_pairs(settings)?;
    let one_time: Arc<HmacOneTimeSecrets> = Arc::new(HmacOneTimeSecrets::new(&ring));
    let identities: Arc<dyn IdentityStore> = Arc::new(CachedIdentities::new(stores.identities.clone()));
    let limiter = shared::limiter(settings, &ring)?;
    let limits = RateLimits::new(Arc::new(Counted(limiter.port)), settings.quotas);
    let session_ports = SessionPorts {
        sessions: stores.sessions.clone(),
        revocations,
        access: Arc::new(JwtAccessTokens::new(&ring, &key_pairs, TOKEN_ISSUER, TOKEN_ISSUER)),
        refresh: Arc::new(HmacRefreshSecrets::new(&ring)),
        limits: limits.clone(),
        secrets: secrets.clone(),
        clock: clock.clone(),
    };
    let lifetimes = Lifetimes::configured(settings.access_token_lifetime, settings.refresh_token_lifetime);
    let sessions = SessionService::new(session_ports, lifetimes, settings.limits.sessions_per_user);
    let account_ports = AccountPorts {
        accounts: stores.accounts,
        identities: identities.clone(),
        one_time: stores.one_time.clone(),
        todos: stores.todos.clone(),
        one_time_secrets: one_time.clone(),
        hasher: Arc::new(hasher(settings)?.with_background(background.clone())),
        limits: limits.clone(),
        secrets: secrets.clone(),
        clock: clock.clone(),
    };
    let identity_ports = IdentityPorts {
        identities,
        one_time: stores.one_time,
        one_time_secrets: one_time.clone(),
        providers: outside::providers(settings)?,
        issuers: outside::issuers(settings)?,
        limits,
        secrets: secrets.clone(),
        clock: clock.clone(),
    };
    let identity_service = IdentityService::new(identity_ports, sessions.clone())
        .with_registration(settings.access.registration == Registration::Open);
    let accounts = AccountService::new(account_ports, sessions.clone(), identity_service.clone())
        .with_policy(settings.access);
    let mail_ports = MailPorts {
        outbox: stores.outbox,
        mailer: outside::mailer(settings)?,
        one_time,
        secrets: secrets.clone(),
        clock: clock.clone(),
    };
    let mail = MailWorker::new(mail_ports, mail_settings(settings, &identity_service));
    let retention = retention(settings);
    let housekeeper = Housekeeper {
        service: HousekeepingService::new(stores.sessions, stores.todos.clone(), clock.clone(), retention),
        period: settings.housekeeping.period,
    };
    let deletions = Deletions(accounts.clone());
    let dependencies = Dependencies {
        todos: TodoService::new(stores.todos.clone(), clock.clone(), settings.limits.storage),
        sync: SyncService::new(stores.todos.clone(), clock.clone(), settings.limits.storage),
        identities: identity_service,
        accounts,
        sessions,
        hub,
        probe: stores.probe,
        clock,
        secrets,
    };
    let public_keys = json!({ "keys": key_pairs.iter().map(KeyPair::public_jwk).collect::<Vec<_>>() });
    let mut api = Api::new(dependencies, api_settings(settings, max_connections))
        .with_public_keys(public_keys)
        .with_metrics(render_metrics);
    if let Some(shared) = limiter.shared.clone() {
        api = api.with_redis(move || shared.is_up());
    }
    Ok(Application {
        api: Arc::new(with_web_app(api, settings)?.with_background(background.clone())),
        revocations: reader,
        arrivals,
        bus,
        others: stores.handle.others(),
        shared_limiter: limiter.shared,
        todos: stores.todos,
        mail,
        housekeeper,
        deletions,
        backups: scheduled_backups(&settings.database),
        database: stores.handle,
    })
}

fn with_web_app(api: Api, settings: &Settings) -> Result<Api, WireError> {
    let Some(folder) = &settings.web_dir else { return Ok(api) };
    let web_app = WebApp::read(folder).map_err(|error| WireError::WebApp(folder.clone(), error))?;
    Ok(api.with_web_app(web_app))
}

/// Hashes on as many threads as there are cores.
fn hasher(settings: &Settings) -> Result<BcryptHasher, WireError> {
    let concurrency = NonZeroUsize::new(cores()).unwrap_or(NonZeroUsize::MIN);
    let queue = HASHER_QUEUE_PER_CORE * concurrency.get();
    Ok(BcryptHasher::new(settings.bcrypt_cost, concurrency, queue)?)
}

fn retention(settings: &Settings) -> Retention {
    Retention {
        tombstones: settings.housekeeping.tombstone_age,
        tombstone_texts: settings.housekeeping.tombstone_text_age,
    }
}

fn scheduled_backups(database: &Database) -> Option<BackupWorker> {
    let (DatabaseUrl::Sqlite(file), Some(every)) = (&database.url, database.backups.every) else {
        return None;
    };
    let clock = Arc::new(SystemClock);
    Some(BackupWorker { database: file.clone(), backups: database.backups.clone(), every, clock })
}

fn mail_settings(settings: &Settings, identities: &IdentityService) -> MailSettings {
    let providers = identities.providers().map(|(name, shown)| (name.to_owned(), shown.to_owned()));
    MailSettings {
        frontend_url: settings.mail.frontend_url.clone(),
        timeout: settings.mail.timeout,
        retry: settings.mail.retry,
        providers: providers.collect(),
    }
}

fn api_settings(settings: &Settings, max_connections: usize) -> ApiSettings {
    ApiSettings {
        allowed_origins: settings.allowed_origins.clone(),
        surroundings: match settings.environment {
            Environment::Development if settings.listens_on_loopback() => Surroundings::DevelopersMachine,
            Environment::Development => Surroundings::Development,
            Environment::Staging | Environment::Production => Surroundings::Deployed,
        },
        body_limit: settings.limits.body_bytes,
        body_memory: settings.limits.bodies_in_flight_bytes,
        response_memory: settings.limits.unread_response_bytes,
        batch_limit: settings.limits.batch_todos,
        bulk_limit: settings.limits.bulk_todos,
        page_limit: settings.limits.page_size,
        access_token_lifetime: settings.access_token_lifetime,
        refresh_token_lifetime: settings.refresh_token_lifetime,
        public_url: settings.identity.public_url.clone(),
        frontend_url: settings.mail.frontend_url.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        behind_tls: settings.behind_tls(),
        metrics_apart: settings.metrics_port.is_some(),
        timeouts: Timeouts::default(),
        max_connections,
    }
}
