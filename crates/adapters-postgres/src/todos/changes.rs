//! The changes after a stamp, with the user's position from the same snapshot, in one statement.

use diesel::pg::data_types::PgTimestamp;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid};
use domain::todo::{Changes, PART_BYTES, Todo};
use domain::{Stamp, StoreError, UserId};

use super::part::{part_end, part_of_todos};
use crate::rows::{TodoColumns, TodoRow, position, timestamp, todo_columns};
use crate::sql::{Sql, sql};

/// Clock, horizon, epoch and a todo. If nothing changed, there is one row without a todo.
pub(crate) type ChangeColumns = (Timestamptz, Timestamptz, Text, Nullable<TodoColumns>);
pub(crate) type ChangeRow = (PgTimestamp, PgTimestamp, String, Option<TodoRow>);

/// Selects up to `limit + 1` todos; the last one only shows that there are more. Selects no row if
/// the user does not exist.
pub(crate) fn after<'a>(
    user: UserId,
    since: Option<Stamp>,
    include_deleted: bool,
    limit: u32,
) -> Sql<'a, ChangeColumns> {
    sql(concat!(
        "select u.sync_clock, u.sync_horizon, (select e.epoch from database_epoch e), ",
        todo_columns!(),
        " from users u left join lateral (",
        part_of_todos!("t.updated_at"),
        " where t.user_id = u.id and t.updated_at > "
    ))
    // No todo has the earliest possible stamp, so `>` skips none.
    .bind::<Timestamptz, _>(timestamp(since.unwrap_or(Stamp::MIN)))
    .sql(if include_deleted { "" } else { " and t.deleted_at is null" })
    .sql(" order by t.updated_at limit ")
    .bind::<BigInt, _>(i64::from(limit) + 1)
    .sql(part_end!())
    .sql(" t on true where u.deleted_at is null and u.id = ")
    .bind::<Uuid, _>(user.0)
    .sql(" order by t.updated_at")
}

pub(crate) fn read(rows: Vec<ChangeRow>, limit: u32) -> Result<Option<Changes>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut changes, mut bytes) = (None, 0);
    for (clock, horizon, epoch, row) in rows {
        if changes.is_none() {
            let position = position(clock, horizon, epoch)?;
            changes = Some(Changes { todos: Vec::new(), has_more: false, position });
        }
        if let (Some(changes), Some(row)) = (&mut changes, row) {
            if changes.todos.len() == limit || bytes >= PART_BYTES as u64 {
                changes.has_more = true;
            } else {
                let todo = Todo::try_from(row)?;
                bytes += todo.stored_bytes();
                changes.todos.push(todo);
            }
        }
    }
    Ok(changes)
}
