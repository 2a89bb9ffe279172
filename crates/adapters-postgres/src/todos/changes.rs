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
    PositionRow, PositionType, TodoColumns, TodoRow, no_todo_columns, position, stored_bytes, timestamp,
    todo_columns,
};
use crate::sql::{Sql, sql};

/// A row has either the position or a todo.
pub(crate) type ChangeColumns = (Nullable<PositionType>, Nullable<TodoColumns>);
type ChangeRow = (Option<PositionRow>, Option<TodoRow>);

/// Which changes a statement selects.
#[derive(Clone, Copy)]
pub(crate) struct After {
    pub user: UserId,
    pub since: Option<Stamp>,
    pub include_deleted: bool,
    pub limit: u32,
}

/// Begins a selection of the position and of todos. The selection of the todos follows, and then
/// [`of_user`](After::of_user).
macro_rules! start {
    () => {
        concat!(
            "select x.* from users u cross join lateral (select ",
            position!(),
            ", ",
            no_todo_columns!(),
            " union all (select null, ",
            todo_columns!(),
            " from "
        )
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
        let (mut head, mut todos) = split(self.first().load::<ChangeRow>(&mut conn).await?);
        let is_cut = head.as_ref().is_some_and(|head| head.stored_bytes() >= part_bytes!())
            && todos.len() == largest_rows!()
            && self.rows() > largest_rows!();
        if is_cut {
            (head, todos) = split(self.part().load::<ChangeRow>(&mut conn).await?);
        }
        // The parts of a `union all` come in no particular order.
        todos.sort_by_key(|todo| todo.updated_at.0);
        Ok(head.map(|head| (head, todos)))
    }

    /// Selects the todos of a user whose texts make up less than a part, and of another user only as
    /// many as never make up more.
    ///
    /// It adds up no lengths, which would cost as much again as all the rest.
    pub(crate) fn first<'a>(self) -> Sql<'a, ChangeColumns> {
        let statement = self.todos(sql(concat!(start!(), "todos t")));
        // No stamp is later than the user's clock.
        let statement = statement
            .sql(" limit case when u.sync_clock <= ")
            .bind::<Timestamptz, _>(self.stamp())
            .sql(concat!(" then 0 when u.stored_bytes < ", part_bytes!(), " then "))
            .bind::<BigInt, _>(self.rows())
            .sql(concat!(" else ", largest_rows!(), " end"));
        self.of_user(statement)
    }

    /// Selects the todos until their texts make up a part.
    pub(crate) fn part<'a>(self) -> Sql<'a, ChangeColumns> {
        let statement = self.todos(sql(concat!(start!(), "(", part_of_todos!("t.updated_at"))));
        self.of_user(statement.sql(" limit ").bind::<BigInt, _>(self.rows()).sql(concat!(part_end!(), " t")))
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
        statement.sql(")) x where u.deleted_at is null and u.id = ").bind::<Uuid, _>(self.user.0)
    }

    fn rows(self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// No todo has the earliest possible stamp, so `>` skips none.
    fn stamp(self) -> PgTimestamp {
        timestamp(self.since.unwrap_or(Stamp::MIN))
    }
}

/// Separates the one row without a todo from those with one.
fn split(rows: Vec<ChangeRow>) -> (Option<PositionRow>, Vec<TodoRow>) {
    let mut head = None;
    let mut todos = Vec::with_capacity(rows.len());
    for (position, todo) in rows {
        head = head.or(position);
        todos.extend(todo);
    }
    (head, todos)
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
