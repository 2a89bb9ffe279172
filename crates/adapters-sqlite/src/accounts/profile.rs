//! Changes the name and the address of a user.

use diesel::prelude::*;
use domain::account::{EmailChange, ProfileChange, ProfileChanged};
use domain::user::{DisplayName, User};
use domain::{Stamp, UserId};

use crate::error::Failure;
use crate::rows::{Id, UserRow};
use crate::schema::users;
use crate::tables;

pub(super) fn change(
    conn: &mut SqliteConnection,
    user: UserId,
    change: &ProfileChange,
    now: Stamp,
) -> Result<ProfileChanged, Failure> {
    if !tables::users::exists(conn, user)? {
        return Ok(ProfileChanged::NoSuchUser);
    }
    if let Some(EmailChange { email, session, .. }) = &change.email {
        if !tables::sessions::is_live(conn, user, *session, now)? {
            return Ok(ProfileChanged::SessionEnded);
        }
        if tables::users::by_email(conn, email)?.is_some_and(|owner| owner.id != user) {
            return Ok(ProfileChanged::EmailTaken);
        }
    }
    let email = change.email.as_ref().map(|change| &change.email);
    let columns = (
        users::updated_at.eq(now.as_micros()),
        change
            .display_name
            .as_ref()
            .map(|name| users::display_name.eq(name.as_ref().map(DisplayName::as_str))),
        email.map(|email| {
            (
                users::email.eq(email.as_str()),
                users::email_key.eq(email.key()),
                users::email_verified.eq(false),
                users::email_changed_at.eq(now.as_micros()),
            )
        }),
    );
    let row = diesel::update(users::table.filter(users::id.eq(Id::from(user))))
        .set(columns)
        .returning(UserRow::as_returning())
        .get_result(conn)?;
    if let Some(EmailChange { verification, notice, .. }) = &change.email {
        tables::one_time_tokens::issue(conn, verification, now)?;
        if let Some(notice) = notice {
            tables::mail_outbox::enqueue(conn, notice, now)?;
        }
    }
    Ok(ProfileChanged::Done(Box::new(User::try_from(row)?)))
}
