//! Statements on `users`. A user who is marked as deleted does not exist for them.

use diesel::prelude::*;
use domain::user::{DisplayName, Email, User};
use domain::{Stamp, UserId};

use crate::error::Failure;
use crate::rows::{Id, UserRow};
use crate::schema::{epochs, users};

pub(crate) fn by_id(conn: &mut SqliteConnection, user: UserId) -> Result<Option<User>, Failure> {
    let row = users::table
        .filter(users::id.eq(Id::from(user)))
        .filter(users::deleted_at.is_null())
        .select(UserRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(User::try_from).transpose()?)
}

pub(crate) fn by_email(conn: &mut SqliteConnection, email: &Email) -> Result<Option<User>, Failure> {
    let row = users::table
        .filter(users::email_key.eq(email.key()))
        .select(UserRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(User::try_from).transpose()?)
}

pub(crate) fn exists(conn: &mut SqliteConnection, user: UserId) -> QueryResult<bool> {
    let found = users::table
        .filter(users::id.eq(Id::from(user)))
        .filter(users::deleted_at.is_null())
        .select(users::id)
        .first::<Id>(conn);
    Ok(found.optional()?.is_some())
}

/// Inserts the user. Returns `false`, and inserts nothing, if another account has the address.
pub(crate) fn insert(conn: &mut SqliteConnection, user: &User) -> QueryResult<bool> {
    let now = user.created_at.as_micros();
    let newest_epoch = epochs::table.order(epochs::ordinal.desc()).select(epochs::ordinal);
    let inserted = diesel::insert_into(users::table)
        .values((
            users::id.eq(Id::from(user.id)),
            users::email.eq(user.email.as_ref().map(Email::as_str)),
            users::email_key.eq(user.email.as_ref().map(Email::key)),
            users::password_hash.eq(user.password.as_ref().map(|hash| hash.0.as_str())),
            users::display_name.eq(user.display_name.as_ref().map(DisplayName::as_str)),
            users::email_verified.eq(user.email_verified),
            users::is_active.eq(user.is_active),
            users::created_at.eq(now),
            users::updated_at.eq(now),
            users::last_login_at.eq(user.last_login_at.map(Stamp::as_micros)),
            users::sync_clock.eq(now),
            users::sync_horizon.eq(Stamp::EPOCH.as_micros()),
            users::live_todos.eq(0),
            users::epoch_ordinal.eq(newest_epoch.single_value().assume_not_null()),
        ))
        .on_conflict(users::email_key)
        .do_nothing()
        .execute(conn)?;
    Ok(inserted == 1)
}
