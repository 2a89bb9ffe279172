//! Row-level security: the scope of a transaction, set in variables that the policies of the migrations read.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::OneTimeTokenId;
use domain::UserId;
use domain::session::TokenHash;
use domain::user::Email;

use crate::error::Failure;
use crate::session::{self, Limits};
use crate::sql::{Sql, sql};

/// Which statements row-level security restricts, in addition to the `WHERE` clause of each.
///
/// A store works accordingly; [`set_row_security`](crate::set_row_security) changes the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowSecurity {
    /// Writes. A write transaction names the users whose rows it may change.
    #[default]
    Writes,
    /// Reads too. Each read is a transaction that names its user, and a write transaction names one user only.
    All,
}

/// The rows that a transaction may access.
#[derive(Clone, Debug)]
pub(crate) enum RowScope {
    /// The rows of one user.
    User(UserId),
    /// The rows of these users.
    Users(Vec<UserId>),
    /// The one row with this address, token hash or other key. Its user is not known yet.
    Key(String),
    /// The rows of all users that a background worker needs.
    Worker(Worker),
    /// Rows that every role may read, and new rows that belong to no user.
    Unrestricted,
}

/// A background worker that reads or changes rows of all users. The policies restrict each one to its tables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Worker {
    /// Sends emails.
    Outbox,
    /// Deletes expired rows.
    Sweep,
}

impl Worker {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Sweep => "sweep",
        }
    }
}

impl RowScope {
    /// The refresh token or one-time token with this hash, in the form that the policies compare.
    pub(crate) fn token(hash: &TokenHash) -> Self {
        Self::Key(hex(hash))
    }

    /// The user with this address.
    pub(crate) fn address(email: &Email) -> Self {
        Self::Key(email.key().to_owned())
    }

    /// The identity of this subject.
    pub(crate) fn identity(provider: &str, subject: &str) -> Self {
        Self::Key(format!("{provider}\n{subject}"))
    }

    /// The email that carries this token.
    pub(crate) fn mail_of(token: OneTimeTokenId) -> Self {
        Self::Key(token.0.to_string())
    }

    /// Begins a transaction: sets the scope and [what else it needs](session::local) until it ends.
    pub(crate) async fn begin(&self, conn: &AsyncPgConnection, limits: Limits) -> Result<(), Failure> {
        self.beginning::<Text>(limits).execute(&mut &*conn).await?;
        Ok(())
    }

    /// The statement of [`Self::begin`]. It selects one text without meaning.
    pub(crate) fn beginning<'a, Row>(&self, limits: Limits) -> Sql<'a, Row> {
        match self.setting() {
            Some(setting) => session::local(sql("select ").append(setting).sql(" || "), limits),
            None => session::local(sql("select "), limits),
        }
    }

    /// Changes the scope for the rest of the transaction.
    pub(crate) async fn set(&self, conn: &AsyncPgConnection) -> Result<(), Failure> {
        if let Some(setting) = self.setting() {
            let statement: Sql<'_, Text> = sql("select ").append(setting);
            statement.execute(&mut &*conn).await?;
        }
        Ok(())
    }

    /// The expression that sets the variable of this scope.
    fn setting<'a>(&self) -> Option<Sql<'a, Text>> {
        let (variable, value) = match self {
            Self::User(user) => ("todo.users", user_array([*user])),
            Self::Users(users) => ("todo.users", user_array(users.iter().copied())),
            Self::Key(key) => ("todo.key", key.clone()),
            Self::Worker(worker) => ("todo.work", worker.as_str().to_owned()),
            Self::Unrestricted => return None,
        };
        let setting = sql("set_config('").sql(variable).sql("', ").bind::<Text, _>(value);
        Some(setting.sql(", true)"))
    }
}

/// Formats `users` as a PostgreSQL array literal.
fn user_array(users: impl IntoIterator<Item = UserId>) -> String {
    let users: Vec<_> = users.into_iter().map(|user| user.to_string()).collect();
    format!("{{{}}}", users.join(","))
}

fn hex(hash: &TokenHash) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    hash.0.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}
