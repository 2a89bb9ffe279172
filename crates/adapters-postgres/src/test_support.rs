//! Connections for the crate's own tests.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use postgres_testbed::Database;

use crate::connector::Connector;
use crate::tls::{self, Roots, Verification};
use crate::url::Target;

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
