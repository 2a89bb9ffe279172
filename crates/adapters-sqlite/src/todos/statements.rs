//! The `UPDATE` statements of a commit, written by hand.
//!
//! Diesel does not cache the prepared form of an `UPDATE` that its query builder makes, and preparing one
//! costs several times as much as running it.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};
use diesel::sqlite::Sqlite;
use domain::UserId;
use domain::sync::UserEpoch;
use domain::todo::UserRow;

use super::new_row::NewRow;
use crate::rows::Id;

/// Updates the mutable columns of an existing todo.
///
/// SQLite rewrites the entries of every index whose columns a statement sets, even if their values
/// stay the same. The index of live todos depends on `deleted_at`, so leaving that column out of an
/// edit saves a sixth of the work.
///
/// `CHANGES_LIVENESS` tells whether the todo becomes a tombstone or stops being one. The two forms
/// are two types, by which the connection finds their prepared statements; by their text it would
/// take longer.
pub(super) struct UpdateTodo<'a, const CHANGES_LIVENESS: bool>(pub NewRow<'a>);

impl<const CHANGES_LIVENESS: bool> QueryFragment<Sqlite> for UpdateTodo<'_, CHANGES_LIVENESS> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Self(row) = self;
        bind::<BigInt, _>(&mut out, "UPDATE todos SET version = ", &row.version)?;
        bind::<BigInt, _>(&mut out, ", title_version = ", &row.title_version)?;
        bind::<BigInt, _>(&mut out, ", description_version = ", &row.description_version)?;
        bind::<BigInt, _>(&mut out, ", completed_version = ", &row.completed_version)?;
        bind::<BigInt, _>(&mut out, ", deleted_version = ", &row.deleted_version)?;
        bind::<BigInt, _>(&mut out, ", updated_at = ", &row.updated_at)?;
        bind::<Nullable<BigInt>, _>(&mut out, ", completed_at = ", &row.completed_at)?;
        bind::<Nullable<Text>, _>(&mut out, ", client_id = ", &row.client_id)?;
        bind::<Nullable<Text>, _>(&mut out, ", title = ", &row.title)?;
        bind::<Nullable<Text>, _>(&mut out, ", description = ", &row.description)?;
        bind::<Nullable<Text>, _>(&mut out, ", metadata = ", &row.metadata)?;
        bind::<Nullable<Text>, _>(&mut out, ", metadata_versions = ", &row.metadata_versions)?;
        if CHANGES_LIVENESS {
            bind::<Nullable<BigInt>, _>(&mut out, ", deleted_at = ", &row.deleted_at)?;
        }
        bind::<Binary, _>(&mut out, " WHERE user_id = ", &row.user_id)?;
        bind::<Binary, _>(&mut out, " AND id = ", &row.id)
    }
}

impl<const CHANGES_LIVENESS: bool> QueryId for UpdateTodo<'_, CHANGES_LIVENESS> {
    type QueryId = UpdateTodo<'static, CHANGES_LIVENESS>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const CHANGES_LIVENESS: bool> RunQueryDsl<SqliteConnection> for UpdateTodo<'_, CHANGES_LIVENESS> {}

/// Sets the columns of a user's row that a plan decides.
#[derive(QueryId)]
pub(super) struct UpdateUser {
    user: Id,
    clock: i64,
    horizon: i64,
    live: i64,
    tombstones: i64,
    stored_bytes: i64,
    digest: i64,
    epoch_ordinal: i64,
    epoch_counter: i64,
    partings: Option<String>,
}

impl UpdateUser {
    pub(super) fn new(user: UserId, row: &UserRow) -> Self {
        let UserEpoch { ordinal, counter } = row.history.last();
        Self {
            user: user.into(),
            clock: row.clock.as_micros(),
            horizon: row.horizon.as_micros(),
            live: row.live.into(),
            tombstones: row.tombstones.into(),
            stored_bytes: i64::try_from(row.stored_bytes).unwrap_or(i64::MAX),
            digest: row.digest.to_i64(),
            epoch_ordinal: ordinal,
            epoch_counter: counter.into(),
            partings: row.history.stored_partings(),
        }
    }
}

impl QueryFragment<Sqlite> for UpdateUser {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        bind::<BigInt, _>(&mut out, "UPDATE users SET sync_clock = ", &self.clock)?;
        bind::<BigInt, _>(&mut out, ", sync_horizon = ", &self.horizon)?;
        bind::<BigInt, _>(&mut out, ", live_todos = ", &self.live)?;
        bind::<BigInt, _>(&mut out, ", tombstones = ", &self.tombstones)?;
        bind::<BigInt, _>(&mut out, ", stored_bytes = ", &self.stored_bytes)?;
        bind::<BigInt, _>(&mut out, ", digest = ", &self.digest)?;
        bind::<BigInt, _>(&mut out, ", epoch_ordinal = ", &self.epoch_ordinal)?;
        bind::<BigInt, _>(&mut out, ", epoch_counter = ", &self.epoch_counter)?;
        bind::<Nullable<Text>, _>(&mut out, ", partings = ", &self.partings)?;
        bind::<Binary, _>(&mut out, " WHERE id = ", &self.user)
    }
}

impl RunQueryDsl<SqliteConnection> for UpdateUser {}

/// Sets the number of the next new todo.
#[derive(QueryId)]
pub(super) struct SetNextNumber {
    pub next: i64,
}

impl QueryFragment<Sqlite> for SetNextNumber {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        bind::<BigInt, _>(&mut out, "UPDATE todo_numbers SET next = ", &self.next)
    }
}

impl RunQueryDsl<SqliteConnection> for SetNextNumber {}

/// Appends `text` and a placeholder for `value`.
fn bind<'b, T, V>(out: &mut AstPass<'_, 'b, Sqlite>, text: &'static str, value: &'b V) -> QueryResult<()>
where
    V: ToSql<T, Sqlite>,
    Sqlite: HasSqlType<T>,
{
    out.push_sql(text);
    out.push_bind_param::<T, V>(value)
}
