//! The services that a command of an administrator needs.

use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters_auth::{BcryptHasher, HmacOneTimeSecrets, KeyRing, SystemClock, SystemSecrets};
use api_actix::realtime::Hub;
use domain::Clock;
use domain::account::{AccountStore, Administration};
use domain::todo::{StorageLimits, TodoService};

use super::error::WireError;
use super::stores::{self, DatabaseHandle};
use crate::settings::Settings;

/// What a command works with. The sockets of a running server do not report what it writes.
pub struct CommandServices {
    pub accounts: Arc<dyn AccountStore>,
    pub todos: TodoService,
    /// What `todos` keeps a list within.
    pub limits: StorageLimits,
    database: DatabaseHandle,
}

impl CommandServices {
    /// Returns when all accepted writes are stored and the database is closed.
    pub async fn close(self) {
        let Self { accounts, todos, limits: _, database } = self;
        drop((accounts, todos));
        database.close().await;
    }
}

/// Opens the database for a command, beside a running server. Creates no database and changes no schema.
pub async fn command_services(settings: &Settings) -> Result<CommandServices, WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores = stores::open_beside(&settings.database, Hub::new(clock.clone())).await?;
    Ok(CommandServices {
        accounts: stores.accounts,
        todos: TodoService::new(stores.todos, clock, settings.limits.storage),
        limits: settings.limits.storage,
        database: stores.handle,
    })
}

/// Opens the database beside a running server, for a command that administers users. On PostgreSQL as the
/// tables' owner, whom row-level security shows all users.
pub async fn administration(settings: &Settings) -> Result<(Administration, DatabaseHandle), WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let owner = settings.database.migration_url.clone();
    let as_owner = owner.map(|owner| settings.database.at(owner));
    let database = as_owner.as_ref().unwrap_or(&settings.database);
    let stores = stores::open_beside(database, Hub::new(clock.clone())).await?;
    let ring = KeyRing::parse(&settings.secret_key)?;
    let administration = Administration {
        accounts: stores.accounts,
        sessions: stores.sessions,
        one_time: stores.one_time,
        todos: stores.todos,
        one_time_secrets: Arc::new(HmacOneTimeSecrets::new(&ring)),
        hasher: Arc::new(BcryptHasher::new(settings.bcrypt_cost, NonZeroUsize::MIN, 1)?),
        secrets: Arc::new(SystemSecrets),
        clock,
    };
    Ok((administration, stores.handle))
}
