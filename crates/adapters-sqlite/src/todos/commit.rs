//! The one way a todo changes.
//!
//! Statements for single rows, prepared once and repeated: within the process a repetition costs less than parsing one
//! statement of many rows, which can't be cached as their number varies.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary};
use diesel::sqlite::Sqlite;
use diesel::upsert::excluded;
use domain::todo::plan::{Decision, Plan, UserState, Written};
use domain::todo::{Batch, Commit, Todo, TodoNumber};
use domain::{Stamp, StoreError, TodoId, UserId};

use super::new_row::NewRow;
use super::{read, standing};
use crate::error::Failure;
use crate::rows::{IDS_A_QUERY, Id, TodoRow, all};
use crate::schema::{todo_numbers, todos};
use crate::writer::Done;

pub(super) fn commit(
    conn: &mut SqliteConnection,
    user: UserId,
    batch: &Batch,
    now: Stamp,
) -> Result<Done<Commit>, Failure> {
    let Some(standing) = standing(conn, user)? else {
        return Ok(Done::quiet(Commit::NoSuchUser));
    };
    let named = named(conn, user, &batch.ids())?;
    let before: HashMap<_, _> = named.iter().map(|todo| (todo.id(), todo.version())).collect();
    let numbers = fresh_numbers(conn, batch.possible_creations())?;
    let mut state = UserState::new(standing.position, standing.live, named, numbers);
    let plan = Plan::decide(&mut state, batch, now)?;
    if !plan.written().is_empty() {
        for Written { todo, .. } in plan.written() {
            let moves = before.get(&todo.id()).is_none_or(|version| todo.versions().deleted > *version);
            put(conn, user, todo, moves)?;
        }
        use_numbers(conn, plan.written())?;
        advance(conn, user, &state)?;
    }
    let (decision, events) = plan.into_parts();
    let answer = match decision {
        Decision::Decided(outcomes) => Commit::Done(outcomes),
        Decision::StaleCursor => Commit::StaleCursor,
    };
    Ok(Done { answer, events: (!events.is_empty()).then_some((user, events)) })
}

/// Those of the todos that exist.
fn named(conn: &mut SqliteConnection, user: UserId, ids: &[TodoId]) -> Result<Vec<Todo>, Failure> {
    // The statement for one is cached, that for several can't be.
    if let [id] = ids {
        return Ok(read::by_id(conn, user, *id)?.into_iter().collect());
    }
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_A_QUERY) {
        let rows = todos::table
            .filter(todos::user_id.eq(Id::from(user)))
            .filter(todos::id.eq_any(ids.iter().copied().map(Id::from)))
            .select(TodoRow::as_select())
            .load(conn)?;
        found.extend(all::<_, Todo>(rows)?);
    }
    Ok(found)
}

/// Numbers nobody has. They are taken by [`use_numbers`] only: until then the next batch may be offered them too.
fn fresh_numbers(conn: &mut SqliteConnection, count: usize) -> Result<Vec<TodoNumber>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let next: i64 = todo_numbers::table.select(todo_numbers::next).first(conn)?;
    Ok((next..).take(count).map(TodoNumber).collect())
}

fn use_numbers(conn: &mut SqliteConnection, written: &[Written]) -> QueryResult<()> {
    let new = written.iter().filter(|written| written.is_new).map(|written| written.todo.number());
    if let Some(TodoNumber(last)) = new.max() {
        // An upsert and no UPDATE, as diesel caches only the former.
        diesel::insert_into(todo_numbers::table)
            .values((todo_numbers::id.eq(1), todo_numbers::next.eq(last + 1)))
            .on_conflict(todo_numbers::id)
            .do_update()
            .set(todo_numbers::next.eq(excluded(todo_numbers::next)))
            .execute(conn)?;
    }
    Ok(())
}

/// Inserts the todo, or replaces what may change of the one that is there; `moves` says whether it may enter or leave the list of
/// live ones. SQLite rewrites the entries of every index whose columns a statement names, changed or not, and the list's index
/// depends on `deleted_at`: to leave it out saves a sixth of the work of an edit.
fn put(conn: &mut SqliteConnection, user: UserId, todo: &Todo, moves: bool) -> QueryResult<usize> {
    let content = (
        todos::completed_at.eq(excluded(todos::completed_at)),
        todos::updated_at.eq(excluded(todos::updated_at)),
        todos::version.eq(excluded(todos::version)),
        todos::title_version.eq(excluded(todos::title_version)),
        todos::description_version.eq(excluded(todos::description_version)),
        todos::completed_version.eq(excluded(todos::completed_version)),
        todos::deleted_version.eq(excluded(todos::deleted_version)),
        todos::client_id.eq(excluded(todos::client_id)),
        todos::title.eq(excluded(todos::title)),
        todos::title_folded.eq(excluded(todos::title_folded)),
        todos::description.eq(excluded(todos::description)),
        todos::description_folded.eq(excluded(todos::description_folded)),
    );
    let upsert = diesel::insert_into(todos::table)
        .values(NewRow::of(user, todo))
        .on_conflict((todos::user_id, todos::id))
        .do_update();
    if moves {
        upsert.set((content, todos::deleted_at.eq(excluded(todos::deleted_at)))).execute(conn)
    } else {
        upsert.set(content).execute(conn)
    }
}

/// Stores the user's clock and count as the plan left them.
fn advance(conn: &mut SqliteConnection, user: UserId, state: &UserState) -> Result<(), Failure> {
    let advance =
        Advance { user: user.into(), clock: state.clock().as_micros(), live: i64::from(state.live()) };
    if advance.execute(conn)? == 1 {
        Ok(())
    } else {
        Err(StoreError::corrupt("users", "id", "the row is gone in the middle of a transaction").into())
    }
}

/// Written out, as every commit runs it and diesel caches no UPDATE of its own.
#[derive(QueryId)]
struct Advance {
    user: Id,
    clock: i64,
    live: i64,
}

impl QueryFragment<Sqlite> for Advance {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE users SET sync_clock = ");
        out.push_bind_param::<BigInt, _>(&self.clock)?;
        out.push_sql(", live_todos = ");
        out.push_bind_param::<BigInt, _>(&self.live)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Binary, _>(&self.user)
    }
}

impl RunQueryDsl<SqliteConnection> for Advance {}
