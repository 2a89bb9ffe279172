//! Finds out whether a pooler is between the server and the database, and whether it can be used.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{ConnectError, absent_or_refused};
use crate::session;
use crate::url::Target;

/// How often the prepared statements of a pooler are tried. Other clients of the pooler can disturb a trial.
const TRIALS: u32 = 3;
/// How long a trial may wait. With a single connection to the database, a pooler lets it wait for ever.
const TRIAL_TIMEOUT: Duration = Duration::from_millis(500);

/// Connects, and returns `target` with [start-up options](session::options) unless a pooler hides the sessions.
/// `limit` is that of a statement; zero means no limit.
///
/// Fails if the database or the pooler can't be used.
pub(crate) async fn reach(
    target: Target,
    tls: &MakeRustlsConnect,
    limit: Duration,
) -> Result<Target, ConnectError> {
    let mut direct = target.clone();
    direct.config.options(session::options(target.config.get_options(), limit));
    let (client, target) = match connect(&direct, tls).await {
        Ok(client) if answer(&client, session::IS_DIRECT).await?.as_deref() == Some("t") => (client, direct),
        // A pooler ignores the options or refuses them.
        Ok(_) => (try_pooler(&target, tls).await?, target),
        Err(Refused::Connection(error)) if refuses_options(&error) => {
            (try_pooler(&target, tls).await?, target)
        }
        Err(refused) => return Err(refused.into()),
    };
    match answer(&client, &session::unsuitable(limit)).await? {
        Some(setting) => Err(ConnectError::Default(setting)),
        None => Ok(target),
    }
}

/// Whether the server or pooler accepts connections to the database.
pub(crate) async fn accepts(target: &Target, tls: &MakeRustlsConnect) -> Result<(), ConnectError> {
    connect(target, tls).await.map(drop).map_err(ConnectError::from)
}

enum Refused {
    Connection(Error),
    Encoding(String),
}

impl From<Refused> for ConnectError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Connection(error) => absent_or_refused(&error),
            Refused::Encoding(encoding) => Self::Encoding(encoding),
        }
    }
}

async fn connect(target: &Target, tls: &MakeRustlsConnect) -> Result<Client, Refused> {
    let (client, connection) = target.config.connect(tls.clone()).await.map_err(Refused::Connection)?;
    let other = |encoding: &&str| !encoding.eq_ignore_ascii_case("UTF8");
    if let Some(encoding) = connection.parameter("server_encoding").filter(other) {
        return Err(Refused::Encoding(encoding.to_owned()));
    }
    // It ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}

/// `PgBouncer` calls options that it does not know a violation of the protocol; others lack the feature.
fn refuses_options(error: &Error) -> bool {
    let codes = [
        SqlState::PROTOCOL_VIOLATION,
        SqlState::FEATURE_NOT_SUPPORTED,
        SqlState::UNDEFINED_OBJECT,
        SqlState::INVALID_PARAMETER_VALUE,
    ];
    error.code().is_some_and(|code| codes.contains(code))
}

/// Tries whether a prepared statement is known in whichever session runs it, and returns a connection.
///
/// A pooler hands out the session that became free last. A second client takes it between the preparation and
/// the execution of the statement, so that another session has to execute it.
async fn try_pooler(target: &Target, tls: &MakeRustlsConnect) -> Result<Client, ConnectError> {
    let (client, other) = (connect(target, tls).await?, connect(target, tls).await?);
    for _ in 0..TRIALS {
        let statement = client.prepare("select 1").await.map_err(|error| lost_statement(&error))?;
        other.batch_execute("begin").await.map_err(|error| absent_or_refused(&error))?;
        let executed = tokio::time::timeout(TRIAL_TIMEOUT, client.query(&statement, &[])).await;
        other.batch_execute("rollback").await.map_err(|error| absent_or_refused(&error))?;
        if let Ok(executed) = executed {
            executed.map_err(|error| lost_statement(&error))?;
        }
    }
    Ok(client)
}

fn lost_statement(error: &Error) -> ConnectError {
    let codes = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT];
    if error.code().is_some_and(|code| codes.contains(code)) {
        ConnectError::PreparedStatements
    } else {
        absent_or_refused(error)
    }
}

/// The first column of the first row, by the simple protocol.
async fn answer(client: &Client, question: &str) -> Result<Option<String>, ConnectError> {
    let rows = client.simple_query(question).await.map_err(|error| absent_or_refused(&error))?;
    Ok(rows.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
