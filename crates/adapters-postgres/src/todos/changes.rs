//! The changes after a stamp, with the user's position from the same snapshot, in one statement.

use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid};
use domain::sync::Position;
use domain::todo::{Changes, PART_BYTES, Todo};
use domain::{Stamp, StoreError, UserId};

use super::Ordinal;
use super::part::{part_end, part_of_todos};
use crate::rows::{
    PositionColumns, PositionRow, TodoColumns, TodoRow, no_position_columns, no_todo_columns,
    position_columns, stored_bytes, timestamp, todo_columns,
};
use crate::sql::{Sql, sql};

/// A row has either the position or a todo, and its ordinal.
pub(crate) type ChangeColumns = (Nullable<PositionColumns>, Nullable<TodoColumns>, BigInt);
pub(crate) type ChangeRow = (Option<PositionRow>, Option<TodoRow>, Ordinal);

/// Selects the position, and up to `limit + 1` todos in stamp order; the last one only shows that there are
/// more.
///
/// Selects no row if the user does not exist.
pub(crate) fn after<'a>(
    user: UserId,
    since: Option<Stamp>,
    include_deleted: bool,
    limit: u32,
) -> Sql<'a, ChangeColumns> {
    sql(concat!(
        "select ",
        position_columns!(),
        ", ",
        no_todo_columns!(),
        ", 0::bigint from users u where u.deleted_at is null and u.id = "
    ))
    .bind::<Uuid, _>(user.0)
    .sql(concat!(
        " union all (select ",
        no_position_columns!(),
        ", ",
        todo_columns!(),
        ", row_number() over (order by t.updated_at) from (",
        part_of_todos!("t.updated_at"),
        " where t.user_id = "
    ))
    .bind::<Uuid, _>(user.0)
    .sql(" and t.updated_at > ")
    // No todo has the earliest possible stamp, so `>` skips none.
    .bind::<Timestamptz, _>(timestamp(since.unwrap_or(Stamp::MIN)))
    .sql(if include_deleted { "" } else { " and t.deleted_at is null" })
    .sql(" order by t.updated_at limit ")
    .bind::<BigInt, _>(i64::from(limit) + 1)
    .sql(concat!(part_end!(), " t)"))
}

/// Makes the answer of the todos after the position.
pub(crate) fn read(rows: Vec<TodoRow>, position: Position, limit: u32) -> Result<Changes, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut todos, mut bytes) = (Vec::new(), 0);
    for row in rows {
        if todos.len() == limit || bytes >= PART_BYTES as u64 {
            return Ok(Changes { todos, has_more: true, position });
        }
        let todo = Todo::try_from(row)?;
        bytes += todo.stored_bytes();
        todos.push(todo);
    }
    Ok(Changes { todos, has_more: false, position })
}
