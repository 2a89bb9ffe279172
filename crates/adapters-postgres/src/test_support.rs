//! Databases and connections for the crate's own tests.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use domain::{TodoId, UserId};
use postgres_testbed::{Database, Testbed};
use uuid::Uuid;

use crate::connector::Connector;
use crate::tls::{self, Roots, Verification};
use crate::url::Target;

/// The user that [`INSERT_USER`] inserts.
pub(crate) const USER: UserId = UserId(Uuid::from_u128(1));
/// The todo that [`INSERT_TODO`] inserts.
pub(crate) const TODO: TodoId = TodoId(Uuid::from_u128(2));
pub(crate) const INSERT_USER: &str =
    "insert into users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon,
            live_todos)
        values (lpad('1', 32, '0')::uuid, false, true, now(), now(), now(), 'epoch', 1)
        on conflict do nothing";
pub(crate) const INSERT_TODO: &str =
    "insert into todos (user_id, id, number, title, title_folded, created_at, updated_at, version,
            title_version, description_version, completed_version, deleted_version)
        values (lpad('1', 32, '0')::uuid, lpad('2', 32, '0')::uuid, 1, 'old', 'old', now(), 'epoch', 1,
            1, 1, 1, 1)";

/// A new database with the current schema, and a connection of its owner.
pub(crate) async fn migrated(hint: &str) -> (Database, AsyncPgConnection) {
    let database = Testbed::shared().create_database(hint);
    crate::migrate(&database.owner_url(), &database.app_url()).await.expect("the schema is made");
    let owner = AsyncPgConnection::establish(&database.owner_url()).await;
    (database, owner.expect("the owner may connect"))
}

pub(crate) async fn connector(database: &Database) -> Arc<Connector> {
    connector_with(database, Duration::from_secs(5)).await
}

pub(crate) async fn connector_with(database: &Database, timeout: Duration) -> Arc<Connector> {
    let target = Target::parse(&database.app_url(), timeout).expect("a URL");
    let tls = tls::connector(Verification::None, &Roots::System).expect("no roots needed");
    Arc::new(Connector::new(target, tls, timeout, false).await.expect("the database is there"))
}

/// A connection as the store opens it, inside a transaction.
pub(crate) async fn connection(database: &Database) -> AsyncPgConnection {
    let mut conn = connector(database).await.connect().await.expect("connects");
    conn.batch_execute("begin").await.expect("begins");
    conn
}
