//! Opens connections and configures them.

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as SqlError};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::row_security::RowSecurity;
use crate::statement_log::StatementLog;
use crate::url::Target;

/// Opens connections to one database.
pub(crate) struct Connector {
    target: Target,
    tls: MakeRustlsConnect,
    timeout: Duration,
    setup: String,
    echo: bool,
}

impl Connector {
    pub(crate) fn new(
        target: Target,
        tls: MakeRustlsConnect,
        timeout: Duration,
        row_security: RowSecurity,
        echo: bool,
    ) -> Self {
        let ms = timeout.as_millis();
        let reads = row_security.reads();
        // With generic plans, a prepared statement is planned once per connection. Planning a list costs
        // more than running it.
        let setup = format!(
            "set statement_timeout = {ms}; set idle_in_transaction_session_timeout = {ms};
             set plan_cache_mode = force_generic_plan; set todo.reads = '{reads}'"
        );
        Self { target, tls, timeout, setup, echo }
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
        conn.batch_execute(&self.setup).await?;
        if self.echo {
            conn.set_instrumentation(StatementLog);
        }
        Ok(conn)
    }
}

/// Opens a connection without session settings or time-outs.
pub(crate) async fn open(target: &Target, tls: MakeRustlsConnect) -> Result<AsyncPgConnection, SqlError> {
    let (client, connection) = target.config.connect(tls).await.map_err(|e| refused(reason(&e)))?;
    AsyncPgConnection::try_from_client_and_connection(client, connection)
        .await
        .map_err(|e| refused(e.to_string()))
}

/// The error with its causes, which tokio-postgres leaves out of its message.
fn reason(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn refused(problem: String) -> SqlError {
    SqlError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(problem))
}
