//! Statements that read one todo or one user's position.

use diesel::sql_types::{Array, BigInt, Bool, Timestamptz, Uuid};
use domain::todo::TodoNumber;
use domain::{TodoId, UserId};

use crate::rows::{PositionColumns, TodoColumns, position_columns, todo_columns};
use crate::sql::{Sql, sql};

/// The condition that the user is not marked as deleted.
macro_rules! exists {
    () => {
        " and exists (select from users u where u.id = t.user_id and u.deleted_at is null)"
    };
}

pub(crate) fn by_id<'a>(user: UserId, id: TodoId) -> Sql<'a, TodoColumns> {
    sql(concat!("select ", todo_columns!(), " from todos t where t.user_id = "))
        .bind::<Uuid, _>(user.0)
        .sql(" and t.id = ")
        .bind::<Uuid, _>(id.0)
        .sql(exists!())
}

pub(crate) fn by_number<'a>(user: UserId, number: TodoNumber) -> Sql<'a, TodoColumns> {
    sql(concat!("select ", todo_columns!(), " from todos t where t.user_id = "))
        .bind::<Uuid, _>(user.0)
        .sql(" and t.number = ")
        .bind::<BigInt, _>(number.0)
        .sql(exists!())
}

pub(crate) fn position<'a>(user: UserId) -> Sql<'a, PositionColumns> {
    sql(concat!("select ", position_columns!(), " from users u where u.deleted_at is null and u.id = "))
        .bind::<Uuid, _>(user.0)
}

/// The clocks of those of the users who exist.
pub(crate) fn clocks<'a>(users: &[UserId]) -> Sql<'a, (Uuid, Timestamptz)> {
    sql("select u.id, u.sync_clock from users u where u.deleted_at is null and u.id = any(")
        .bind::<Array<Uuid>, _>(users.iter().map(|user| user.0).collect::<Vec<_>>())
        .sql(")")
}

/// Whether another user has a todo with this id. The policies hide other users' todos, so a
/// function that runs as the tables' owner looks them up and reveals only the answer.
pub(crate) fn belongs_to_another_user<'a>(user: UserId, id: TodoId) -> Sql<'a, Bool> {
    sql("select todo_is_anothers(user_id => ")
        .bind::<Uuid, _>(user.0)
        .sql(", todo_id => ")
        .bind::<Uuid, _>(id.0)
        .sql(")")
}
