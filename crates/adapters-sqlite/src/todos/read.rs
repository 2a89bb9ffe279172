//! Reads of single todos and of changes.

use diesel::dsl::exists;
use diesel::prelude::*;
use domain::sync::Position;
use domain::todo::{Changes, Todo, TodoNumber};
use domain::{Stamp, TodoId, UserId};

use super::sync_state;
use crate::error::Failure;
use crate::readers::in_snapshot;
use crate::rows::{Id, TodoRow, convert_all};
use crate::schema::todos;

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
    user: UserId,
    since: Option<Stamp>,
    include_deleted: bool,
    limit: u32,
) -> Result<Option<Changes>, Failure> {
    in_snapshot(conn, |conn| {
        let Some(state) = sync_state::load(conn, user)? else {
            return Ok(None);
        };
        let mut later = todos::table
            .filter(todos::user_id.eq(Id::from(user)))
            .filter(todos::updated_at.gt(since.map_or(i64::MIN, Stamp::as_micros)))
            .order(todos::updated_at)
            .limit(i64::from(limit) + 1)
            .select(TodoRow::as_select())
            .into_boxed();
        if !include_deleted {
            later = later.filter(todos::deleted_at.is_null());
        }
        let mut rows = later.load(conn)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Some(Changes { todos: convert_all(rows)?, has_more, position: state.position() }))
    })
}

pub(super) fn position(conn: &mut SqliteConnection, user: UserId) -> Result<Option<Position>, Failure> {
    Ok(sync_state::load(conn, user)?.map(|state| state.position()))
}

/// The only read of other users' todos. It reveals whether one exists and nothing else.
pub(super) fn belongs_to_another_user(
    conn: &mut SqliteConnection,
    user: UserId,
    id: TodoId,
) -> Result<bool, Failure> {
    let of_others = todos::table
        .filter(todos::id.eq(Id::from(id)))
        .filter(todos::user_id.ne(Id::from(user)))
        .filter(todos::deleted_at.is_null());
    Ok(diesel::select(exists(of_others)).get_result(conn)?)
}
