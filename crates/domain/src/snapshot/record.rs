//! A row of a snapshot, with its values by their columns.

use uuid::Uuid;

use super::{Row, Table};
use crate::error::StoreError;
use crate::ids::TodoId;
use crate::sync::{Digest, History};
use crate::time::Stamp;
use crate::todo::{StoredTodo, Todo, UserRow, Versions};

/// A row whose values are read by the names of their columns.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub table: &'static Table,
    pub row: &'a Row,
}

type Read<T> = Result<T, StoreError>;

impl<'a> Record<'a> {
    pub(super) fn text(self, column: &'static str) -> Option<&'a str> {
        self.row.get(self.table.position(column)?)?.as_deref()
    }

    fn corrupt(self, column: &'static str, problem: &str) -> StoreError {
        StoreError::corrupt(self.table.name, column, problem)
    }

    fn required<T>(self, column: &'static str, value: Option<T>) -> Read<T> {
        value.ok_or_else(|| self.corrupt(column, "null"))
    }

    pub(super) fn optional_number(self, column: &'static str) -> Read<Option<i64>> {
        let parsed = self.text(column).map(str::parse).transpose();
        parsed.map_err(|_| self.corrupt(column, "not a whole number"))
    }

    pub(super) fn number(self, column: &'static str) -> Read<i64> {
        self.required(column, self.optional_number(column)?)
    }

    fn count<T: TryFrom<i64>>(self, column: &'static str) -> Read<T> {
        let number = self.number(column)?;
        T::try_from(number).map_err(|_| self.corrupt(column, "negative or too large"))
    }

    pub(super) fn optional_stamp(self, column: &'static str) -> Read<Option<Stamp>> {
        let outside = || self.corrupt(column, "outside the years 1 to 9999");
        let micros = self.optional_number(column)?;
        micros.map(|micros| Stamp::from_micros(micros).ok_or_else(outside)).transpose()
    }

    pub(super) fn stamp(self, column: &'static str) -> Read<Stamp> {
        self.required(column, self.optional_stamp(column)?)
    }

    pub(super) fn optional_id(self, column: &'static str) -> Read<Option<Uuid>> {
        let parsed = self.text(column).map(Uuid::parse_str).transpose();
        parsed.map_err(|_| self.corrupt(column, "not a UUID"))
    }

    pub(super) fn id(self, column: &'static str) -> Read<Uuid> {
        self.required(column, self.optional_id(column)?)
    }

    /// A row of `todos`.
    pub(super) fn todo(self) -> Read<Todo> {
        let text = |column| self.text(column).map(str::to_owned);
        Todo::from_stored(StoredTodo {
            id: TodoId(self.id("id")?),
            number: self.number("number")?,
            title: text("title"),
            description: text("description"),
            completed_at: self.optional_stamp("completed_at")?,
            created_at: self.stamp("created_at")?,
            updated_at: self.stamp("updated_at")?,
            deleted_at: self.optional_stamp("deleted_at")?,
            client_id: text("client_id"),
            versions: Versions {
                version: self.number("version")?,
                title: self.number("title_version")?,
                description: self.number("description_version")?,
                completed: self.number("completed_version")?,
                deleted: self.number("deleted_version")?,
            },
            metadata: text("metadata"),
            metadata_versions: text("metadata_versions"),
        })
    }

    /// The totals in a row of `users`.
    pub(super) fn user(self) -> Read<UserRow> {
        let (ordinal, counter) = (self.number("epoch_ordinal")?, self.number("epoch_counter")?);
        Ok(UserRow {
            clock: self.stamp("sync_clock")?,
            horizon: self.stamp("sync_horizon")?,
            live: self.count("live_todos")?,
            tombstones: self.count("tombstones")?,
            stored_bytes: self.count("stored_bytes")?,
            digest: Digest::from_i64(self.number("digest")?),
            history: History::from_stored(ordinal, counter, self.text("partings"))?,
        })
    }
}
