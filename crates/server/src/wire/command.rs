//! The services that a command of an administrator needs.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use adapters_auth::{BcryptHasher, HmacOneTimeSecrets, KeyRing, SystemClock, SystemSecrets};
use api_actix::realtime::Hub;
use domain::Clock;
use domain::account::{AccountStore, Administration};
use domain::instances::{Bus, Message};
use domain::todo::{StorageLimits, TodoService};

use super::error::WireError;
use super::shared;
use super::stores::{self, DatabaseHandle, Stores};
use crate::instances::{Announcer, Publisher};
use crate::settings::{Database, Settings};

/// How long a command waits for the bus. The running instances find the change without it, only
/// later.
const BUS_TIMEOUT: Duration = Duration::from_secs(5);

/// What a command holds open beside the running instances.
pub struct Beside {
    database: DatabaseHandle,
    announcer: Option<Arc<Announcer>>,
}

impl Beside {
    /// Returns when all accepted writes are stored, the database is closed, and the running
    /// instances know of the changes.
    pub async fn close(self) {
        self.database.close().await;
        if let Some(announcer) = self.announcer {
            announcer.finish(BUS_TIMEOUT).await;
        }
    }
}

/// What a command works with.
pub struct CommandServices {
    pub accounts: Arc<dyn AccountStore>,
    pub todos: TodoService,
    /// What `todos` keeps a list within.
    pub limits: StorageLimits,
    beside: Beside,
}

impl CommandServices {
    /// As [`Beside::close`].
    pub async fn close(self) {
        let Self { accounts, todos, limits: _, beside } = self;
        drop((accounts, todos));
        beside.close().await;
    }
}

/// Opens the database for a command, beside a running server. Creates no database and changes no
/// schema.
pub async fn command_services(settings: &Settings) -> Result<CommandServices, WireError> {
    let (stores, announcer) = open(settings, &settings.database).await?;
    Ok(CommandServices {
        accounts: stores.accounts,
        todos: TodoService::new(stores.todos, Arc::new(SystemClock), settings.limits.storage),
        limits: settings.limits.storage,
        beside: Beside { database: stores.handle, announcer },
    })
}

/// Opens the database beside a running server, for a command that administers users. On PostgreSQL
/// as the tables' owner, whom row-level security shows all users.
pub async fn administration(settings: &Settings) -> Result<(Administration, Beside), WireError> {
    let owner = settings.database.migration_url.clone();
    let as_owner = owner.map(|owner| settings.database.at(owner));
    let (stores, announcer) = open(settings, as_owner.as_ref().unwrap_or(&settings.database)).await?;
    let ring = KeyRing::parse(&settings.secret_key)?;
    let administration = Administration {
        accounts: stores.accounts,
        sessions: stores.sessions,
        one_time: stores.one_time,
        todos: stores.todos,
        bus: as_bus(announcer.as_ref()),
        one_time_secrets: Arc::new(HmacOneTimeSecrets::new(&ring)),
        hasher: Arc::new(BcryptHasher::new(settings.bcrypt_cost, NonZeroUsize::MIN, 1)?),
        secrets: Arc::new(SystemSecrets),
        clock: Arc::new(SystemClock),
    };
    Ok((administration, Beside { database: stores.handle, announcer }))
}

/// Tells the running instances to read which sessions and accounts they admit.
pub async fn announce_revocations(settings: &Settings) -> Result<(), WireError> {
    if let Some(announcer) = announcer(settings)? {
        announcer.announce(Message::Revoked);
        announcer.finish(BUS_TIMEOUT).await;
    }
    Ok(())
}

/// Opens the stores in `database`. What they commit is announced.
async fn open(
    settings: &Settings,
    database: &Database,
) -> Result<(Stores, Option<Arc<Announcer>>), WireError> {
    let announcer = announcer(settings)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let publisher = Publisher { hub: Hub::new(clock), bus: as_bus(announcer.as_ref()) };
    Ok((stores::open_beside(database, Arc::new(publisher)).await?, announcer))
}

fn announcer(settings: &Settings) -> Result<Option<Arc<Announcer>>, WireError> {
    Ok(shared::bus(settings)?.map(|bus| Arc::new(Announcer::new(bus))))
}

fn as_bus(announcer: Option<&Arc<Announcer>>) -> Option<Arc<dyn Bus>> {
    announcer.map(|announcer| Arc::clone(announcer) as Arc<dyn Bus>)
}
