//! Opens connections.

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as SqlError};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{ConnectError, reason};
use crate::pooler;
use crate::statement_log::StatementLog;
use crate::url::Target;

/// Opens connections to one database.
pub(crate) struct Connector {
    target: Target,
    tls: MakeRustlsConnect,
    timeout: Duration,
    echo: bool,
}

impl Connector {
    /// [Reaches](pooler::reach) the database. Connections are opened in the same way from then on.
    pub(crate) async fn new(
        target: Target,
        tls: MakeRustlsConnect,
        timeout: Duration,
        echo: bool,
    ) -> Result<Self, ConnectError> {
        let reached = tokio::time::timeout(timeout * 2, pooler::reach(target, &tls, timeout)).await;
        let target = reached.map_err(|_| ConnectError::Absent("it did not answer in time".to_owned()))??;
        Ok(Self { target, tls, timeout, echo })
    }

    /// Opens a connection within the time-out. The current runtime drives it.
    pub(crate) async fn connect(&self) -> Result<AsyncPgConnection, SqlError> {
        tokio::time::timeout(self.timeout, self.establish())
            .await
            .unwrap_or_else(|_| Err(refused("the database did not answer in time".to_owned())))
    }

    /// The time-out of a connection attempt and of a statement.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks the server to cancel the statement that runs on the connection. It may have ended already.
    pub(crate) async fn cancel(&self, conn: &AsyncPgConnection) {
        if let Err(error) = conn.cancel_token().cancel_query(self.tls.clone()).await {
            tracing::debug!(%error, "can't cancel a statement");
        }
    }

    async fn establish(&self) -> Result<AsyncPgConnection, SqlError> {
        let mut conn = open(&self.target, self.tls.clone()).await?;
        if let Some(log) = StatementLog::wanted(self.echo) {
            conn.set_instrumentation(log);
        }
        Ok(conn)
    }
}

/// Opens a connection.
///
/// diesel-async sets the time zone of a new connection. It does so in a transaction that is rolled back, because
/// the session may be shared: nothing that the server sends or reads depends on a time zone.
pub(crate) async fn open(target: &Target, tls: MakeRustlsConnect) -> Result<AsyncPgConnection, SqlError> {
    let (client, mut connection) = target.config.connect(tls).await.map_err(|e| refused(reason(&e)))?;
    begin(&client, &mut connection).await?;
    let mut conn = AsyncPgConnection::try_from_client_and_connection(client, connection)
        .await
        .map_err(|e| refused(e.to_string()))?;
    conn.batch_execute("ROLLBACK").await?;
    Ok(conn)
}

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Begins a transaction on a connection that nothing drives yet.
async fn begin(client: &Client, connection: &mut Connection<Socket, TlsStream>) -> Result<(), SqlError> {
    let begun = tokio::select! {
        begun = client.batch_execute("BEGIN") => begun,
        ended = connection => match ended {
            Ok(()) => return Err(refused("the server closed the connection".to_owned())),
            Err(error) => Err(error),
        },
    };
    begun.map_err(|error| refused(reason(&error)))
}

fn refused(problem: String) -> SqlError {
    SqlError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(problem))
}
