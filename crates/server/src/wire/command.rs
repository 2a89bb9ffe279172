//! The services that a command of an administrator needs.

use std::sync::Arc;

use adapters_auth::{HmacOneTimeSecrets, KeyRing, SystemClock, SystemSecrets};
use api_actix::realtime::Hub;
use domain::Clock;
use domain::account::{AccountStore, Invitations};
use domain::todo::{StorageLimits, TodoService};

use super::error::WireError;
use super::stores::{self, DatabaseHandle};
use crate::settings::Settings;

/// What a command works with. The sockets of a running server do not report what it writes.
pub struct CommandServices {
    pub accounts: Arc<dyn AccountStore>,
    pub invitations: Invitations,
    pub todos: TodoService,
    /// What `todos` keeps a list within.
    pub limits: StorageLimits,
    database: DatabaseHandle,
}

impl CommandServices {
    /// Returns when all accepted writes are stored and the database is closed.
    pub async fn close(self) {
        let Self { accounts, invitations, todos, limits: _, database } = self;
        drop((accounts, invitations, todos));
        database.close().await;
    }
}

/// Opens the database for a command, beside a running server. Creates no database and changes no schema.
pub async fn command_services(settings: &Settings) -> Result<CommandServices, WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ring = KeyRing::parse(&settings.secret_key)?;
    let stores = stores::open_beside(&settings.database, Hub::new(clock.clone())).await?;
    let invitations = Invitations {
        accounts: stores.accounts.clone(),
        one_time: stores.one_time,
        one_time_secrets: Arc::new(HmacOneTimeSecrets::new(&ring)),
        secrets: Arc::new(SystemSecrets),
        clock: clock.clone(),
    };
    Ok(CommandServices {
        accounts: stores.accounts,
        invitations,
        todos: TodoService::new(stores.todos, clock, settings.limits.storage),
        limits: settings.limits.storage,
        database: stores.handle,
    })
}
