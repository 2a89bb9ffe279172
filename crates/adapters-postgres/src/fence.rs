//! Whose rows a transaction is for, told to PostgreSQL: the policies of the row-security migration read these settings.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::UserId;
use domain::account::{Email, OneTimeId};
use domain::session::TokenHash;

use crate::error::Failure;
use crate::sql::{Sql, sql};

/// Which statements row security binds, beside the `WHERE` that each of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowSecurity {
    /// Writes. A write transaction names the users whose rows it may change.
    #[default]
    Writes,
    /// Reads too: each is a transaction that names its one user, and a write transaction carries one user only.
    All,
}

impl RowSecurity {
    /// The session setting that tells the policies about reads.
    pub(crate) const fn reads(self) -> &'static str {
        match self {
            Self::Writes => "open",
            Self::All => "fenced",
        }
    }
}

/// What a transaction is about.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// The rows of one user.
    User(UserId),
    /// The rows of these users.
    Users(Vec<UserId>),
    /// The one row with this address, hash or other key, whose user is not known yet.
    Key(String),
    /// What a worker does to rows of all users.
    Work(Work),
    /// Rows that no policy keeps from being read, and new rows of nobody.
    Unfenced,
}

/// The server's own work across users; the policies say which tables each is let to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Sending mails.
    Outbox,
    /// Removing what is of no more use.
    Sweep,
}

impl Work {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::Sweep => "sweep",
        }
    }
}

impl Scope {
    /// The refresh or one-time token with this hash, in the form the policies compare.
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

    /// The mail that carries this token.
    pub(crate) fn mail_of(token: OneTimeId) -> Self {
        Self::Key(token.0.to_string())
    }

    /// Sets it for the rest of the transaction.
    pub(crate) async fn set(&self, conn: &AsyncPgConnection) -> Result<(), Failure> {
        let statement: Sql<'_, Text> = match self {
            Self::User(user) => {
                sql("select set_config('todo.users', ").bind::<Text, _>(admitted([*user])).sql(", true)")
            }
            Self::Users(users) => sql("select set_config('todo.users', ")
                .bind::<Text, _>(admitted(users.iter().copied()))
                .sql(", true)"),
            Self::Key(key) => {
                sql("select set_config('todo.key', ").bind::<Text, _>(key.as_str()).sql(", true)")
            }
            Self::Work(work) => {
                sql("select set_config('todo.work', ").bind::<Text, _>(work.as_str()).sql(", true)")
            }
            Self::Unfenced => return Ok(()),
        };
        statement.execute(&mut &*conn).await?;
        Ok(())
    }
}

/// `users` as PostgreSQL writes an array.
pub(crate) fn admitted(users: impl IntoIterator<Item = UserId>) -> String {
    let users: Vec<_> = users.into_iter().map(|user| user.to_string()).collect();
    format!("{{{}}}", users.join(","))
}

fn hex(hash: &TokenHash) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    hash.0.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}
