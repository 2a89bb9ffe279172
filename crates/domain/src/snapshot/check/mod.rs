//! Recomputes what the rows of a database say about one another.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use uuid::Uuid;

use super::record::Record;
use super::report::{Finding, Recount, Report};
use super::{Row, Table};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::sync::Digest;
use crate::time::Stamp;
use crate::todo::{Todo, UserRow};

/// A check in progress. It keeps a few hundred bytes for each user and 16 for each session.
#[derive(Default)]
pub struct Check {
    report: Report,
    users: HashMap<Uuid, Account>,
    sessions: HashSet<Uuid>,
    epochs: HashSet<i64>,
    highest_number: i64,
}

struct Account {
    /// `None` if the row can't be read.
    row: Option<UserRow>,
    live: u32,
    tombstones: u32,
    bytes: u64,
    digest: Digest,
    newest: Stamp,
}

impl Check {
    /// A check that has seen no row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the next row. Rows MUST come in the order of [`TABLES`](super::TABLES).
    pub fn row(&mut self, table: &'static Table, row: &Row) {
        let contents = self.report.tables.entry(table.name).or_default();
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        contents.rows += 1;
        contents.hash = contents.hash.wrapping_add(hasher.finish());
        let record = Record { table, row };
        let checked = match table.name {
            "epochs" => record.number("ordinal").map(|ordinal| {
                self.epochs.insert(ordinal);
            }),
            "users" => self.user(record),
            "todos" => self.todo(record),
            "todo_numbers" => self.numbers(record),
            "sessions" => self.session(record),
            "refresh_tokens" => self.token(record),
            "external_identities" => self.owner(record, "user_id").map(drop),
            "one_time_tokens" | "mail_outbox" => self.optional_owner(record),
            _ => Ok(()),
        };
        if let Err(error) = checked {
            let user = record.optional_id("user_id").ok().flatten().map(UserId);
            self.find(table.name, user, error.to_string());
        }
    }

    /// The report, once all rows were checked.
    #[must_use]
    pub fn finish(mut self) -> Report {
        if self.epochs.is_empty() {
            self.find("epochs", None, "there is no row".to_owned());
        }
        let mut users: Vec<_> = std::mem::take(&mut self.users).into_iter().collect();
        users.sort_unstable_by_key(|(id, _)| *id);
        for (id, account) in users {
            self.totals(UserId(id), &account);
        }
        self.report
    }

    fn find(&mut self, table: &'static str, user: Option<UserId>, problem: String) {
        self.report.findings.push(Finding { table, user, problem });
    }

    fn user(&mut self, record: Record<'_>) -> Result<(), StoreError> {
        let row = record.user();
        let account = Account {
            row: row.as_ref().ok().cloned(),
            live: 0,
            tombstones: 0,
            bytes: 0,
            digest: Digest::EMPTY,
            newest: Stamp::EPOCH,
        };
        self.users.insert(record.id("id")?, account);
        let ordinal = record.number("epoch_ordinal")?;
        if !self.epochs.contains(&ordinal) {
            return Err(StoreError::corrupt("users", "epoch_ordinal", "no such epoch"));
        }
        row.map(drop)
    }

    fn todo(&mut self, record: Record<'_>) -> Result<(), StoreError> {
        let todo = record.todo()?;
        self.highest_number = self.highest_number.max(todo.number().0);
        self.owner(record, "user_id")?.add(&todo);
        Ok(())
    }

    fn numbers(&mut self, record: Record<'_>) -> Result<(), StoreError> {
        if record.number("next")? <= self.highest_number {
            return Err(StoreError::corrupt("todo_numbers", "next", "not above every todo's number"));
        }
        Ok(())
    }

    fn session(&mut self, record: Record<'_>) -> Result<(), StoreError> {
        self.owner(record, "user_id")?;
        self.sessions.insert(record.id("id")?);
        Ok(())
    }

    fn token(&mut self, record: Record<'_>) -> Result<(), StoreError> {
        self.owner(record, "user_id")?;
        if !self.sessions.contains(&record.id("session_id")?) {
            return Err(StoreError::corrupt("refresh_tokens", "session_id", "no such session"));
        }
        Ok(())
    }

    fn owner(&mut self, record: Record<'_>, column: &'static str) -> Result<&mut Account, StoreError> {
        let id = record.id(column)?;
        let missing = || StoreError::corrupt(record.table.name, column, "no such user");
        self.users.get_mut(&id).ok_or_else(missing)
    }

    fn optional_owner(&mut self, record: Record<'_>) -> Result<(), StoreError> {
        match record.optional_id("user_id")? {
            Some(_) => self.owner(record, "user_id").map(drop),
            None => Ok(()),
        }
    }

    fn totals(&mut self, user: UserId, account: &Account) {
        let Some(stored) = &account.row else { return };
        if stored.horizon > stored.clock {
            self.find("users", Some(user), "sync_horizon is later than sync_clock".to_owned());
        }
        let counted = UserRow {
            clock: stored.clock.max(account.newest),
            live: account.live,
            tombstones: account.tombstones,
            stored_bytes: account.bytes,
            digest: account.digest,
            ..stored.clone()
        };
        let differences = [
            ("sync_clock", stored.clock != counted.clock),
            ("live_todos", stored.live != counted.live),
            ("tombstones", stored.tombstones != counted.tombstones),
            ("stored_bytes", stored.stored_bytes != counted.stored_bytes),
            ("digest", stored.digest != counted.digest),
        ];
        let different: Vec<_> =
            differences.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
        if !different.is_empty() {
            let problem = format!("{} is not what the todos say", different.join(", "));
            self.find("users", Some(user), problem);
            self.report.recounts.push(Recount { user, stored: stored.clone(), counted });
        }
    }
}

impl Account {
    fn add(&mut self, todo: &Todo) {
        if todo.deleted() {
            self.tombstones += 1;
        } else {
            self.live += 1;
        }
        self.bytes += todo.stored_bytes();
        self.digest = self.digest + todo.digest();
        self.newest = self.newest.max(todo.updated_at());
    }
}

#[cfg(test)]
mod tests;
