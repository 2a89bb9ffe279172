//! Commits a batch: the only code that changes todos.
//!
//! It writes one row per statement. SQLite runs inside the process, so repeating a prepared statement costs
//! less than parsing a statement for many rows, which can't be cached because their number varies.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::todo::plan::{Decision, Plan, UserState, Written};
use domain::todo::{Batch, Commit, Todo, TodoNumber};
use domain::{Stamp, StoreError, TodoId, UserId};

use super::new_row::NewRow;
use super::read;
use super::statements::{SetNextNumber, UpdateTodo, UpdateUser};
use super::sync_state::{self, SyncState};
use super::tombstones;
use crate::epochs::EpochCache;
use crate::error::Failure;
use crate::interrupt;
use crate::rows::{Id, MAX_IDS_PER_STATEMENT, TodoRow, convert_all};
use crate::schema::{todo_numbers, todos};
use crate::writer::Done;

pub(super) fn commit(
    conn: &mut SqliteConnection,
    cache: &EpochCache,
    user: UserId,
    batch: &Batch,
    now: Stamp,
) -> Result<Done<Commit>, Failure> {
    let Some(SyncState { row, epochs }) = sync_state::load(conn, cache, user)? else {
        return Ok(Done::without_events(Commit::NoSuchUser));
    };
    let loaded = load_todos(conn, user, &batch.ids())?;
    let before: HashMap<_, _> = loaded.iter().map(|todo| (todo.id(), todo.version())).collect();
    let numbers = next_numbers(conn, batch.possible_creations())?;
    let oldest = tombstones::oldest(conn, user, row.sweep_candidates([batch]))?;
    let mut state = UserState::new(row, epochs, loaded, numbers, oldest);
    let plan = Plan::decide(&mut state, batch, now)?;
    if let Some(row) = plan.user_row() {
        let swept: Vec<_> = plan.swept().iter().copied().map(Id::from).collect();
        expect_rows(swept.len(), tombstones::remove(conn, user.into(), &swept)?)?;
        for Written { todo, is_new } in plan.written() {
            interrupt::give_way();
            let row = NewRow::of(user, todo);
            if *is_new {
                diesel::insert_into(todos::table).values(row).execute(conn)?;
            } else {
                let changes_liveness =
                    before.get(&todo.id()).is_none_or(|version| todo.versions().deleted > *version);
                let updated = if changes_liveness {
                    UpdateTodo::<true>(row).execute(conn)
                } else {
                    UpdateTodo::<false>(row).execute(conn)
                };
                expect_rows(1, updated?)?;
            }
        }
        take_numbers(conn, plan.written())?;
        expect_rows(1, UpdateUser::new(user, row).execute(conn)?)?;
    }
    let (decision, events) = plan.into_parts();
    let answer = match decision {
        Decision::Decided(decided) => Commit::Done(decided),
        Decision::StaleCursor(cursor) => Commit::StaleCursor(cursor),
    };
    Ok(Done { answer, events: events.map(|events| (user, events)) })
}

/// Fails unless a statement wrote the rows that were read before it in the same transaction.
fn expect_rows(expected: usize, written: usize) -> Result<(), Failure> {
    if written == expected {
        Ok(())
    } else {
        Err(StoreError::Unavailable(format!("{written} rows were written instead of {expected}")).into())
    }
}

/// Loads the existing todos among `ids`.
fn load_todos(conn: &mut SqliteConnection, user: UserId, ids: &[TodoId]) -> Result<Vec<Todo>, Failure> {
    // The statement for one id is cached. A statement for several can't be.
    if let [id] = ids {
        return Ok(read::by_id(conn, user, *id)?.into_iter().collect());
    }
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MAX_IDS_PER_STATEMENT) {
        let rows = todos::table
            .filter(todos::user_id.eq(Id::from(user)))
            .filter(todos::id.eq_any(ids.iter().copied().map(Id::from)))
            .select(TodoRow::as_select())
            .load(conn)?;
        found.extend(convert_all::<_, Todo>(rows)?);
    }
    Ok(found)
}

/// Returns unused numbers. Only [`take_numbers`] takes them, so the next batch may get the same ones.
fn next_numbers(conn: &mut SqliteConnection, count: usize) -> Result<Vec<TodoNumber>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let next: i64 = todo_numbers::table.select(todo_numbers::next).first(conn)?;
    Ok((next..).take(count).map(TodoNumber).collect())
}

fn take_numbers(conn: &mut SqliteConnection, written: &[Written]) -> QueryResult<()> {
    let new = written.iter().filter(|written| written.is_new).map(|written| written.todo.number());
    if let Some(TodoNumber(last)) = new.max() {
        SetNextNumber { next: last + 1 }.execute(conn)?;
    }
    Ok(())
}
