//! The changes after a stamp, with the user's position from the same snapshot, in one statement.

use diesel::pg::data_types::PgTimestamp;
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::sync::Position;
use domain::todo::{Changes, PART_BYTES, Todo};
use domain::{Stamp, StoreError, UserId};

use super::part::{largest_rows, part_bytes, part_end, part_of_todos};
use crate::error::Failure;
use crate::rows::{
    PositionColumns, PositionRow, TodoColumns, TodoRow, position_columns, stored_bytes, timestamp,
    todo_columns,
};
use crate::sql::{Sql, sql};

/// The position and a todo. If nothing changed, there is one row without a todo.
pub(crate) type ChangeColumns = (PositionColumns, Nullable<TodoColumns>);
type ChangeRow = (PositionRow, Option<TodoRow>);

/// Which changes a statement selects.
#[derive(Clone, Copy)]
pub(crate) struct After {
    pub user: UserId,
    pub since: Option<Stamp>,
    pub include_deleted: bool,
    pub limit: u32,
}

/// Begins a selection of the position and of these columns of todos. The selection of the todos follows,
/// and then [`of_user`](After::of_user).
macro_rules! start {
    ($columns:expr) => {
        concat!("select ", position_columns!(), ", ", $columns, " from users u left join lateral (")
    };
}

impl After {
    /// Loads the position, and the first todos in stamp order: up to `limit + 1`, of which the last
    /// one only shows that there are more, but no more than make up a part.
    ///
    /// Returns `None` if the user does not exist.
    pub(super) async fn load(
        self,
        mut conn: &AsyncPgConnection,
    ) -> Result<Option<(PositionRow, Vec<TodoRow>)>, Failure> {
        let mut rows = self.first().load::<ChangeRow>(&mut conn).await?;
        // Another user may have as many todos, and then the second statement selects the same.
        if rows.len() == largest_rows!() && self.rows() > largest_rows!() {
            rows = self.part().load::<ChangeRow>(&mut conn).await?;
        }
        let mut rows = rows.into_iter();
        let Some((head, first)) = rows.next() else { return Ok(None) };
        let mut todos: Vec<_> = first.into_iter().chain(rows.filter_map(|(_, todo)| todo)).collect();
        // SQL does not say in which order a join returns its rows.
        todos.sort_by_key(|todo| todo.updated_at.0);
        Ok(Some((head, todos)))
    }

    /// Selects the todos of a user whose texts make up less than a part, and of another user only as
    /// many as never make up more.
    ///
    /// It adds up no lengths, which would cost as much again as all the rest.
    pub(crate) fn first<'a>(self) -> Sql<'a, ChangeColumns> {
        let statement = self.todos(sql(concat!(start!("t.*"), "select ", todo_columns!(), " from todos t")));
        // No stamp is later than the user's clock.
        let statement = statement
            .sql(" limit case when u.sync_clock <= ")
            .bind::<Timestamptz, _>(self.stamp())
            .sql(concat!(" then 0 when u.stored_bytes < ", part_bytes!(), " then "))
            .bind::<BigInt, _>(self.rows())
            .sql(concat!(" else ", largest_rows!(), " end)"));
        self.of_user(statement)
    }

    /// Selects the todos until their texts make up a part.
    pub(crate) fn part<'a>(self) -> Sql<'a, ChangeColumns> {
        let statement = self.todos(sql(concat!(start!(todo_columns!()), part_of_todos!("t.updated_at"))));
        self.of_user(statement.sql(" limit ").bind::<BigInt, _>(self.rows()).sql(part_end!()))
    }

    /// Appends which todos are selected, and their order.
    fn todos(self, statement: Sql<'_, ChangeColumns>) -> Sql<'_, ChangeColumns> {
        statement
            .sql(" where t.user_id = u.id and t.updated_at > ")
            .bind::<Timestamptz, _>(self.stamp())
            .sql(if self.include_deleted { "" } else { " and t.deleted_at is null" })
            .sql(" order by t.updated_at")
    }

    /// Ends the statement.
    fn of_user(self, statement: Sql<'_, ChangeColumns>) -> Sql<'_, ChangeColumns> {
        statement.sql(" t on true where u.deleted_at is null and u.id = ").bind::<Uuid, _>(self.user.0)
    }

    fn rows(self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// No todo has the earliest possible stamp, so `>` skips none.
    fn stamp(self) -> PgTimestamp {
        timestamp(self.since.unwrap_or(Stamp::MIN))
    }
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
