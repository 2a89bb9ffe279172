//! Connections for the crate's own tests.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use postgres_testbed::Database;

use crate::connector::Connector;
use crate::row_security::RowSecurity;
use crate::tls::{self, Roots, Verification};
use crate::url::Target;

pub(crate) fn connector(database: &Database, row_security: RowSecurity) -> Arc<Connector> {
    connector_with(database, row_security, Duration::from_secs(5))
}

pub(crate) fn connector_with(
    database: &Database,
    row_security: RowSecurity,
    timeout: Duration,
) -> Arc<Connector> {
    let target = Target::parse(&database.app_url(), timeout).expect("a URL");
    let tls = tls::connector(Verification::None, &Roots::System).expect("no roots needed");
    Arc::new(Connector::new(target, tls, timeout, row_security, false))
}

/// A connection as the store opens it, inside a transaction.
pub(crate) async fn connection(database: &Database, row_security: RowSecurity) -> AsyncPgConnection {
    let mut conn = connector(database, row_security).connect().await.expect("connects");
    conn.batch_execute("begin").await.expect("begins");
    conn
}
