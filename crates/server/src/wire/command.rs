//! The services that a command of an administrator needs, without a server.

use std::sync::Arc;

use adapters_auth::SystemClock;
use api_actix::realtime::Hub;
use domain::account::AccountStore;
use domain::todo::{StorageLimits, TodoService};
use thiserror::Error;

use super::error::DatabaseError;
use super::schema::{MigrationStatus, migrations};
use super::stores::{self, DatabaseHandle};
use crate::settings::Settings;

/// Why a command can't use the database.
#[derive(Debug, Error)]
pub enum CommandError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the schema of the database is not up to date; run: todo-server migrate up")]
    MigrationsPending,
}

/// What a command works with. Sockets of a running server don't learn of what it writes.
pub struct CommandServices {
    pub accounts: Arc<dyn AccountStore>,
    pub todos: TodoService,
    /// What `todos` keeps a list within.
    pub limits: StorageLimits,
    pub database: DatabaseHandle,
}

/// Opens the database for the command `name`. Changes no schema, and creates no database.
pub async fn open_for(name: &str, settings: &Settings) -> Result<CommandServices, CommandError> {
    if migrations(&settings.database).await?.iter().any(|(_, status)| *status == MigrationStatus::Pending) {
        return Err(CommandError::MigrationsPending);
    }
    let clock = Arc::new(SystemClock);
    let stores = stores::open(&settings.database, name, Hub::new(clock.clone())).await?;
    Ok(CommandServices {
        accounts: stores.accounts,
        todos: TodoService::new(stores.todos, clock, settings.limits.storage),
        limits: settings.limits.storage,
        database: stores.handle,
    })
}
