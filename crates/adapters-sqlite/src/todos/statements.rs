//! The statements that every commit runs, written out: diesel caches the prepared form of no UPDATE and no upsert of its own, and
//! to prepare one costs several times what running it does.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::new_row::NewRow;
use crate::rows::Id;

/// Replaces what may change of a todo that is there.
///
/// SQLite rewrites the entries of every index whose columns a statement names, changed or not, and the list's index depends on
/// `deleted_at`: to leave it out of an edit saves a sixth of the work.
pub(super) struct Replace<'a> {
    pub row: NewRow<'a>,
    /// Whether the todo enters or leaves the list of live ones.
    pub moves: bool,
}

impl QueryFragment<Sqlite> for Replace<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Self { row, moves } = self;
        bind::<BigInt, _>(&mut out, "UPDATE todos SET version = ", &row.version)?;
        bind::<BigInt, _>(&mut out, ", title_version = ", &row.title_version)?;
        bind::<BigInt, _>(&mut out, ", description_version = ", &row.description_version)?;
        bind::<BigInt, _>(&mut out, ", completed_version = ", &row.completed_version)?;
        bind::<BigInt, _>(&mut out, ", deleted_version = ", &row.deleted_version)?;
        bind::<BigInt, _>(&mut out, ", updated_at = ", &row.updated_at)?;
        bind::<Nullable<BigInt>, _>(&mut out, ", completed_at = ", &row.completed_at)?;
        bind::<Nullable<Text>, _>(&mut out, ", client_id = ", &row.client_id)?;
        bind::<Text, _>(&mut out, ", title = ", &row.title)?;
        bind::<Text, _>(&mut out, ", title_folded = ", &row.title_folded)?;
        bind::<Nullable<Text>, _>(&mut out, ", description = ", &row.description)?;
        bind::<Nullable<Text>, _>(&mut out, ", description_folded = ", &row.description_folded)?;
        if *moves {
            bind::<Nullable<BigInt>, _>(&mut out, ", deleted_at = ", &row.deleted_at)?;
        }
        bind::<Binary, _>(&mut out, " WHERE user_id = ", &row.user_id)?;
        bind::<Binary, _>(&mut out, " AND id = ", &row.id)
    }
}

/// Its text tells which of the two forms it is, so the cache goes by that.
impl QueryId for Replace<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<SqliteConnection> for Replace<'_> {}

/// Sets a user's clock and count of live todos.
#[derive(QueryId)]
pub(super) struct Advance {
    pub user: Id,
    pub clock: i64,
    pub live: i64,
}

impl QueryFragment<Sqlite> for Advance {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        bind::<BigInt, _>(&mut out, "UPDATE users SET sync_clock = ", &self.clock)?;
        bind::<BigInt, _>(&mut out, ", live_todos = ", &self.live)?;
        bind::<Binary, _>(&mut out, " WHERE id = ", &self.user)
    }
}

impl RunQueryDsl<SqliteConnection> for Advance {}

/// Leaves `next` as the number of the next new todo.
#[derive(QueryId)]
pub(super) struct TakeNumbers {
    pub next: i64,
}

impl QueryFragment<Sqlite> for TakeNumbers {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        bind::<BigInt, _>(&mut out, "UPDATE todo_numbers SET next = ", &self.next)
    }
}

impl RunQueryDsl<SqliteConnection> for TakeNumbers {}

/// Goes on with `text` and a placeholder for `value`.
fn bind<'b, T, V>(out: &mut AstPass<'_, 'b, Sqlite>, text: &'static str, value: &'b V) -> QueryResult<()>
where
    V: ToSql<T, Sqlite>,
    Sqlite: HasSqlType<T>,
{
    out.push_sql(text);
    out.push_bind_param::<T, V>(value)
}
