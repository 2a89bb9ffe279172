//! Statements on `users`. A user who is marked as deleted does not exist for them.

use diesel::prelude::{
    ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper,
};
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel::upsert::on_constraint;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::user::{DisplayName, Email, PasswordHash};
use domain::{Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{UserRow, timestamp};
use crate::schema::{epochs, users};
use crate::sql::{Sql, sql};

/// The unique constraint on addresses.
pub(crate) const ADDRESS_UNIQUE: &str = "users_email_key_unique";

/// The columns of a new account.
#[derive(Clone, Copy)]
pub(crate) struct NewAccount<'a> {
    pub id: UserId,
    pub email: Option<&'a Email>,
    pub email_verified: bool,
    pub password: Option<&'a PasswordHash>,
    pub display_name: Option<&'a DisplayName>,
    pub last_login_at: Option<Stamp>,
}

/// Inserts an account. Returns `None`, and inserts nothing, if another account has the address.
///
/// If a concurrent transaction inserts the same address, this one waits for its end.
pub(crate) async fn insert(
    conn: &AsyncPgConnection,
    new: &NewAccount<'_>,
    now: Stamp,
) -> Result<Option<UserRow>, Failure> {
    let newest_epoch = epochs::table.order(epochs::ordinal.desc()).select(epochs::ordinal);
    let inserted = diesel::insert_into(users::table)
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
            users::epoch_ordinal.eq(newest_epoch.single_value().assume_not_null()),
        ))
        .on_conflict(on_constraint(ADDRESS_UNIQUE))
        .do_nothing()
        .returning(UserRow::as_returning())
        .get_result(&mut &*conn)
        .await
        .optional()?;
    Ok(inserted)
}

/// The account that an address belongs to.
pub(crate) enum AddressOwner {
    /// An account that existed before, locked.
    Existing(UserRow),
    Created(UserRow),
}

/// Locks the user with the address, or inserts `new`. Afterwards the row scope includes that user. Returns
/// `None` if there is neither.
pub(crate) async fn find_or_create(
    conn: &AsyncPgConnection,
    email: &Email,
    new: Option<&NewAccount<'_>>,
    now: Stamp,
) -> Result<Option<AddressOwner>, Failure> {
    // If the address is neither found nor free, its owner changed in between.
    for _ in 0..3 {
        if let Some(row) = lock_by_address(conn, email).await? {
            return Ok(Some(AddressOwner::Existing(row)));
        }
        let Some(new) = new else { return Ok(None) };
        RowScope::User(new.id).set(conn).await?;
        if let Some(row) = insert(conn, new, now).await? {
            return Ok(Some(AddressOwner::Created(row)));
        }
    }
    Err(StoreError::Unavailable("an address changed its owner too often".to_owned()).into())
}

/// Locks and loads the user with the address. Afterwards the row scope includes that user.
pub(crate) async fn lock_by_address(
    conn: &AsyncPgConnection,
    email: &Email,
) -> Result<Option<UserRow>, Failure> {
    RowScope::address(email).set(conn).await?;
    let id = id_by_address(email).get_result::<Uuid>(&mut &*conn).await.optional()?;
    let Some(id) = id.map(UserId) else { return Ok(None) };
    RowScope::User(id).set(conn).await?;
    lock_if_address_matches(conn, id, email).await
}

pub(crate) fn id_by_address(email: &Email) -> Sql<'_, SqlUuid> {
    sql("select u.id from users u where u.email_key = ").bind::<Text, _>(email.key())
}

/// Locks and loads the user if the account has the address.
pub(crate) async fn lock_if_address_matches(
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

/// The user, unless marked as deleted.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn existing(user: UserId) -> _ {
    let id: Uuid = user.0;
    users::table.filter(users::id.eq(id)).filter(users::deleted_at.is_null())
}

/// Locks and loads the user.
pub(crate) async fn lock_and_load(
    conn: &AsyncPgConnection,
    user: UserId,
) -> Result<Option<UserRow>, Failure> {
    let row = existing(user).select(UserRow::as_select()).for_no_key_update();
    Ok(row.first(&mut &*conn).await.optional()?)
}

/// Locks the user's row. Returns whether the user exists.
///
/// Other transactions may still insert rows that refer to the user. A refresh locks its session, and needs the
/// user only to exist.
pub(crate) async fn lock(conn: &AsyncPgConnection, user: UserId) -> Result<bool, Failure> {
    let row = existing(user).select(users::id).for_no_key_update();
    Ok(row.first::<Uuid>(&mut &*conn).await.optional()?.is_some())
}

/// Locks the user's row before it is deleted or its address changes: no other transaction may insert rows that
/// refer to the user. Returns whether the user exists.
pub(crate) async fn lock_exclusively(conn: &AsyncPgConnection, user: UserId) -> Result<bool, Failure> {
    let row = existing(user).select(users::id).for_update();
    Ok(row.first::<Uuid>(&mut &*conn).await.optional()?.is_some())
}
