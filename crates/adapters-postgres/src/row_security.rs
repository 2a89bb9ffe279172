//! Row-level security: the scope of a transaction, set in variables that the policies of the migrations read.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::OneTimeTokenId;
use domain::UserId;
use domain::session::TokenHash;
use domain::user::Email;

use crate::error::Failure;
use crate::sql::{Sql, sql};

/// Which statements row-level security restricts, in addition to the `WHERE` clause of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowSecurity {
    /// Writes. A write transaction names the users whose rows it may change.
    #[default]
    Writes,
    /// Reads too. Each read is a transaction that names its user, and a write transaction names one user only.
    All,
}

impl RowSecurity {
    /// The value of the session variable `todo.reads`, which the policies on reads check.
    pub(crate) const fn reads(self) -> &'static str {
        match self {
            Self::Writes => "open",
            Self::All => "restricted",
        }
    }
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

    /// Sets the scope for the rest of the transaction.
    pub(crate) async fn set(&self, conn: &AsyncPgConnection) -> Result<(), Failure> {
        let statement: Sql<'_, Text> = match self {
            Self::User(user) => {
                sql("select set_config('todo.users', ").bind::<Text, _>(user_array([*user])).sql(", true)")
            }
            Self::Users(users) => sql("select set_config('todo.users', ")
                .bind::<Text, _>(user_array(users.iter().copied()))
                .sql(", true)"),
            Self::Key(key) => {
                sql("select set_config('todo.key', ").bind::<Text, _>(key.as_str()).sql(", true)")
            }
            Self::Worker(worker) => {
                sql("select set_config('todo.work', ").bind::<Text, _>(worker.as_str()).sql(", true)")
            }
            Self::Unrestricted => return Ok(()),
        };
        statement.execute(&mut &*conn).await?;
        Ok(())
    }
}

/// Formats `users` as a PostgreSQL array literal.
pub(crate) fn user_array(users: impl IntoIterator<Item = UserId>) -> String {
    let users: Vec<_> = users.into_iter().map(|user| user.to_string()).collect();
    format!("{{{}}}", users.join(","))
}

fn hex(hash: &TokenHash) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    hash.0.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}
