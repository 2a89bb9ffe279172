//! Reads of single todos and of changes.

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::query_dsl::methods::LoadQuery;
use domain::sync::Position;
use domain::todo::{Changes, PART_BYTES, Todo, TodoNumber};
use domain::{Stamp, TodoId, UserId};

use super::sync_state::{self, SyncState};
use crate::epochs::EpochCache;
use crate::error::Failure;
use crate::interrupt;
use crate::readers::in_snapshot;
use crate::rows::{Id, MAX_IDS_PER_STATEMENT, TodoRow, stamp};
use crate::schema::{todos, users};
use crate::tables;

pub(super) fn by_id(conn: &mut SqliteConnection, user: UserId, id: TodoId) -> Result<Option<Todo>, Failure> {
    let row = todos::table
        .filter(todos::user_id.eq(Id::from(user)))
        .filter(todos::id.eq(Id::from(id)))
        .select(TodoRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Todo::try_from).transpose()?)
}

pub(super) fn by_number(
    conn: &mut SqliteConnection,
    user: UserId,
    number: TodoNumber,
) -> Result<Option<Todo>, Failure> {
    let row = todos::table
        .filter(todos::user_id.eq(Id::from(user)))
        .filter(todos::number.eq(number.0))
        .select(TodoRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Todo::try_from).transpose()?)
}

pub(super) fn changes(
    conn: &mut SqliteConnection,
    cache: &EpochCache,
    user: UserId,
    since: Option<Stamp>,
    include_deleted: bool,
    limit: u32,
) -> Result<Option<Changes>, Failure> {
    in_snapshot(conn, |conn| {
        let Some(state) = sync_state::load(conn, cache, user)? else {
            return Ok(None);
        };
        // No stamp is later than the user's clock.
        if since.is_some_and(|since| since >= state.row.clock) {
            return Ok(Some(Changes { todos: Vec::new(), has_more: false, position: state.position() }));
        }
        let later = todos::table
            .filter(todos::user_id.eq(Id::from(user)))
            .filter(todos::updated_at.gt(since.map_or(i64::MIN, Stamp::as_micros)))
            .order(todos::updated_at)
            .limit(i64::from(limit) + 1)
            .select(TodoRow::as_select());
        // Not boxed: diesel builds the text of a boxed query anew each time.
        let (todos, has_more) = if include_deleted {
            part(conn, later, limit)?
        } else {
            part(conn, later.filter(todos::deleted_at.is_null()), limit)?
        };
        Ok(Some(Changes { todos, has_more, position: state.position() }))
    })
}

/// Loads the first todos that `query` finds: up to `limit`, and no further than the one with which their
/// texts reach [`PART_BYTES`]. Returns whether the query finds more.
pub(super) fn part<'query, Query>(
    conn: &mut SqliteConnection,
    query: Query,
    limit: u32,
) -> Result<(Vec<Todo>, bool), Failure>
where
    Query: LoadQuery<'query, SqliteConnection, TodoRow>,
{
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut todos, mut bytes) = (Vec::new(), 0);
    for row in query.load_iter::<TodoRow, DefaultLoadingMode>(conn)? {
        let row = row?;
        interrupt::give_way();
        if todos.len() == limit || bytes >= PART_BYTES as u64 {
            return Ok((todos, true));
        }
        let todo = Todo::try_from(row)?;
        bytes += todo.stored_bytes();
        todos.push(todo);
    }
    Ok((todos, false))
}

pub(super) fn position(
    conn: &mut SqliteConnection,
    cache: &EpochCache,
    user: UserId,
) -> Result<Option<Position>, Failure> {
    in_snapshot(conn, |conn| Ok(sync_state::load(conn, cache, user)?.map(SyncState::position)))
}

/// The clocks of those of the users who exist.
pub(super) fn clocks(conn: &mut SqliteConnection, users: &[UserId]) -> Result<Vec<(UserId, Stamp)>, Failure> {
    let mut clocks = Vec::with_capacity(users.len());
    for ids in users.chunks(MAX_IDS_PER_STATEMENT) {
        let rows: Vec<(Id, i64)> = users::table
            .filter(users::id.eq_any(ids.iter().copied().map(Id::from)))
            .filter(users::deleted_at.is_null())
            .select((users::id, users::sync_clock))
            .load(conn)?;
        for (user, clock) in rows {
            clocks.push((UserId(user.0), stamp("users", "sync_clock", clock)?));
        }
    }
    Ok(clocks)
}

/// The only read of other users' todos. It reveals whether one exists and nothing else.
pub(super) fn belongs_to_another_user(
    conn: &mut SqliteConnection,
    user: UserId,
    id: TodoId,
) -> Result<bool, Failure> {
    let owners: Vec<Id> = todos::table
        .filter(todos::id.eq(Id::from(id)))
        .filter(todos::user_id.ne(Id::from(user)))
        .filter(todos::deleted_at.is_null())
        .select(todos::user_id)
        .load(conn)?;
    for owner in owners {
        if tables::users::exists(conn, UserId(owner.0))? {
            return Ok(true);
        }
    }
    Ok(false)
}
