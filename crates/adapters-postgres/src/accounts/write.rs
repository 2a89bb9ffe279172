//! What several methods do with rows of users, each inside their transaction.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel::upsert::on_constraint;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::user::{DisplayName, Email, PasswordHash};
use domain::{Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{UserRow, timestamp};
use crate::schema::users;
use crate::sql::{Sql, sql};

/// The constraint that makes addresses unique.
pub(crate) const ADDRESS_UNIQUE: &str = "users_email_key_unique";

/// An account to be made.
#[derive(Clone, Copy)]
pub(crate) struct NewAccount<'a> {
    pub id: UserId,
    pub email: Option<&'a Email>,
    pub email_verified: bool,
    pub password: Option<&'a PasswordHash>,
    pub display_name: Option<&'a DisplayName>,
    pub last_login_at: Option<Stamp>,
}

/// Makes an account; `None` where its address belongs to another. Of two at once the second waits for the first.
pub(crate) async fn insert(
    conn: &AsyncPgConnection,
    new: &NewAccount<'_>,
    now: Stamp,
) -> Result<Option<UserRow>, Failure> {
    let made = diesel::insert_into(users::table)
        .values((
            users::id.eq(new.id.0),
            users::email.eq(new.email.map(Email::as_str)),
            users::email_key.eq(new.email.map(Email::key)),
            users::password_hash.eq(new.password.map(|password| &password.0)),
            users::display_name.eq(new.display_name.map(DisplayName::as_str)),
            users::email_verified.eq(new.email_verified),
            users::is_active.eq(true),
            users::created_at.eq(timestamp(now)),
            users::updated_at.eq(timestamp(now)),
            users::last_login_at.eq(new.last_login_at.map(timestamp)),
            users::sync_clock.eq(timestamp(now)),
            users::sync_horizon.eq(timestamp(Stamp::EPOCH)),
            users::live_todos.eq(0),
        ))
        .on_conflict(on_constraint(ADDRESS_UNIQUE))
        .do_nothing()
        .returning(UserRow::as_returning())
        .get_result(&mut &*conn)
        .await
        .optional()?;
    Ok(made)
}

/// Who an address belongs to.
pub(crate) enum Owner {
    /// To a user who is there, locked.
    Found(UserRow),
    /// To a user just made.
    Made(UserRow),
}

/// The user with the address, locked, or the one that `new` makes. The transaction admits that user afterwards.
pub(crate) async fn find_or_make(
    conn: &AsyncPgConnection,
    email: &Email,
    new: &NewAccount<'_>,
    now: Stamp,
) -> Result<Owner, Failure> {
    // An address that is neither free nor found changed hands in between.
    for _ in 0..3 {
        if let Some(row) = lock_by_address(conn, email).await? {
            return Ok(Owner::Found(row));
        }
        RowScope::User(new.id).set(conn).await?;
        if let Some(row) = insert(conn, new, now).await? {
            return Ok(Owner::Made(row));
        }
    }
    Err(StoreError::Unavailable("an address changes hands too often".to_owned()).into())
}

/// The user with the address, locked; the transaction admits that user afterwards.
pub(crate) async fn lock_by_address(
    conn: &AsyncPgConnection,
    email: &Email,
) -> Result<Option<UserRow>, Failure> {
    RowScope::address(email).set(conn).await?;
    let id = id_by_address(email).get_result::<Uuid>(&mut &*conn).await.optional()?;
    let Some(id) = id.map(UserId) else { return Ok(None) };
    RowScope::User(id).set(conn).await?;
    lock_addressee(conn, id, email).await
}

pub(crate) fn id_by_address(email: &Email) -> Sql<'_, SqlUuid> {
    sql("select u.id from users u where u.email_key = ").bind::<Text, _>(email.key())
}

/// The user, locked, provided that the address is theirs.
pub(crate) async fn lock_addressee(
    conn: &AsyncPgConnection,
    user: UserId,
    email: &Email,
) -> Result<Option<UserRow>, Failure> {
    let row = users::table
        .filter(users::id.eq(user.0))
        .filter(users::email_key.eq(email.key()))
        .select(UserRow::as_select())
        .for_no_key_update();
    Ok(row.first(&mut &*conn).await.optional()?)
}

/// The user, locked.
pub(crate) async fn lock_account(conn: &AsyncPgConnection, user: UserId) -> Result<Option<UserRow>, Failure> {
    let row = users::table.filter(users::id.eq(user.0)).select(UserRow::as_select()).for_no_key_update();
    Ok(row.first(&mut &*conn).await.optional()?)
}

/// Locks the user's row as whoever removes it or changes its address does: nobody may refer to it meanwhile. Whether there is such a
/// user.
pub(crate) async fn lock_wholly(conn: &AsyncPgConnection, user: UserId) -> Result<bool, Failure> {
    let row = users::table.filter(users::id.eq(user.0)).select(users::id).for_update();
    Ok(row.first::<Uuid>(&mut &*conn).await.optional()?.is_some())
}
