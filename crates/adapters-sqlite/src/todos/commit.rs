//! The one way a todo changes.
//!
//! Statements for single rows, prepared once and repeated: within the process a repetition costs less than parsing one
//! statement of many rows, which can't be cached as their number varies.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::todo::plan::{Decision, Plan, UserState, Written};
use domain::todo::{Batch, Commit, Todo, TodoNumber};
use domain::{Stamp, StoreError, TodoId, UserId};

use super::new_row::NewRow;
use super::statements::{Advance, Replace, TakeNumbers};
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
            let row = NewRow::of(user, todo);
            match before.get(&todo.id()) {
                None => diesel::insert_into(todos::table).values(row).execute(conn)?,
                Some(version) => Replace { row, moves: todo.versions().deleted > *version }.execute(conn)?,
            };
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
        TakeNumbers { next: last + 1 }.execute(conn)?;
    }
    Ok(())
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
