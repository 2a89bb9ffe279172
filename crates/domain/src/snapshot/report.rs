//! What a check of a database finds.

use std::collections::BTreeMap;

use crate::ids::UserId;
use crate::todo::UserRow;

/// What is wrong with a database. It quotes nothing that a user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub table: &'static str,
    /// The user whose row it is, if that is known.
    pub user: Option<UserId>,
    pub problem: String,
}

/// The totals of a user as the rows of the todos have them, and as the user's row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recount {
    pub user: UserId,
    /// What a repair finds. If the row has changed since, the repair MUST change nothing.
    pub stored: UserRow,
    /// What a repair writes.
    pub counted: UserRow,
}

/// The rows of one table, for comparing two databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub rows: u64,
    /// A sum of hashes of all values, whatever the order of the rows.
    pub(super) hash: u64,
}

/// The outcome of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By the name of the table.
    pub tables: BTreeMap<&'static str, Contents>,
    pub findings: Vec<Finding>,
    /// The differences that a repair can mend. Each is among `findings` too.
    pub recounts: Vec<Recount>,
}
