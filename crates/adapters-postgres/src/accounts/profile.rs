//! Changing the name and the address of a user.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::result::{DatabaseErrorKind, Error as SqlError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::account::{EmailChange, ProfileChange, ProfileChanged};
use domain::user::DisplayName;
use domain::{Stamp, StoreError, UserId};

use crate::error::Failure;
use crate::rows::{UserRow, timestamp};
use crate::schema::users;
use crate::tables;
use crate::tables::users::ADDRESS_UNIQUE;

pub(super) async fn change(
    conn: &AsyncPgConnection,
    user: UserId,
    change: &ProfileChange,
    now: Stamp,
) -> Result<ProfileChanged, Failure> {
    if let Some(EmailChange { session, .. }) = &change.email {
        if !tables::users::lock_exclusively(conn, user).await? {
            return Ok(ProfileChanged::NoSuchUser);
        }
        if !tables::sessions::lock_live(conn, user, *session, now).await? {
            return Ok(ProfileChanged::SessionEnded);
        }
    }
    let email = change.email.as_ref().map(|change| &change.email);
    let columns = (
        users::updated_at.eq(timestamp(now)),
        change
            .display_name
            .as_ref()
            .map(|name| users::display_name.eq(name.as_ref().map(DisplayName::as_str))),
        email.map(|email| {
            (
                users::email.eq(email.as_str()),
                users::email_key.eq(email.key()),
                users::email_verified.eq(false),
                users::email_changed_at.eq(timestamp(now)),
            )
        }),
    );
    let update = diesel::update(users::table.filter(users::id.eq(user.0))).set(columns);
    let row = update.returning(UserRow::as_returning()).get_result(&mut &*conn).await.optional()?;
    let Some(row): Option<UserRow> = row else { return Ok(ProfileChanged::NoSuchUser) };
    if let Some(EmailChange { verification, notice, .. }) = &change.email {
        tables::one_time_tokens::issue(conn, user, verification, now).await?;
        if let Some(notice) = notice {
            tables::mail_outbox::enqueue(conn, notice, now).await?;
        }
    }
    Ok(ProfileChanged::Done(Box::new(row.try_into()?)))
}

/// Turns the violation of the address's uniqueness into the outcome.
pub(super) fn unless_taken(changed: Result<ProfileChanged, Failure>) -> Result<ProfileChanged, StoreError> {
    match changed {
        Err(Failure::Sql(SqlError::DatabaseError(DatabaseErrorKind::UniqueViolation, facts)))
            if facts.constraint_name() == Some(ADDRESS_UNIQUE) =>
        {
            Ok(ProfileChanged::EmailTaken)
        }
        outcome => Ok(outcome?),
    }
}
