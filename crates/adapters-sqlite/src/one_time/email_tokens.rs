//! Transactions that use a token sent by email.

use diesel::prelude::*;
use domain::one_time::{MagicLinkLogin, PasswordReplacement, Purpose};
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::user::{PasswordHash, User};
use domain::{Stamp, UserId};

use crate::error::Failure;
use crate::rows::{Id, UserRow};
use crate::schema::users;
use crate::tables;
use crate::tables::one_time_tokens::{consume, find_valid, invalidate_all_except};

pub(super) fn verify_email(
    conn: &mut SqliteConnection,
    hash: TokenHash,
    now: Stamp,
) -> Result<Option<User>, Failure> {
    let Some(token) = consume(conn, Purpose::VerifyEmail, hash, now)? else {
        return Ok(None);
    };
    let Some(user) = token.addressee(conn)? else {
        return Ok(None);
    };
    let row = diesel::update(users::table.filter(users::id.eq(Id::from(user.id))))
        .set((users::email_verified.eq(true), users::updated_at.eq(now.as_micros())))
        .returning(UserRow::as_returning())
        .get_result(conn)?;
    Ok(Some(User::try_from(row)?))
}

pub(super) fn resettable(
    conn: &mut SqliteConnection,
    hash: TokenHash,
    now: Stamp,
) -> Result<Option<User>, Failure> {
    match find_valid(conn, Purpose::ResetPassword, hash, now)? {
        Some(token) => token.addressee(conn),
        None => Ok(None),
    }
}

pub(super) fn reset_password(
    conn: &mut SqliteConnection,
    hash: TokenHash,
    new: &PasswordReplacement,
) -> Result<Option<Vec<Revocation>>, Failure> {
    let ending = new.ending;
    let Some(token) = consume(conn, Purpose::ResetPassword, hash, ending.at)? else {
        return Ok(None);
    };
    let Some(user) = token.addressee(conn)? else {
        return Ok(None);
    };
    if let Some(notice) = &new.notice {
        tables::mail_outbox::enqueue(conn, notice, ending.at)?;
    }
    let access = NewAccess { password: Some(&new.password), unlink: new.unlink };
    revoke_other_access(conn, &user, &access, ending).map(Some)
}

pub(super) fn use_magic_link(
    conn: &mut SqliteConnection,
    hash: TokenHash,
    new_user: Option<UserId>,
    session: &NewSession,
    cap: u32,
    ending: Ending,
) -> Result<MagicLinkLogin, Failure> {
    let Some(token) = consume(conn, Purpose::MagicLink, hash, ending.at)? else {
        return Ok(MagicLinkLogin::Invalid);
    };
    let email = token.address();
    let (id, ended) = match tables::users::by_email(conn, &email)? {
        Some(user) if !user.is_active => return Ok(MagicLinkLogin::Disabled),
        Some(user) if user.email_verified => (user.id, Vec::new()),
        Some(user) => (user.id, revoke_other_access(conn, &user, &NewAccess::default(), ending)?),
        None => {
            let Some(new_user) = new_user else {
                return Ok(MagicLinkLogin::Invalid);
            };
            let user = User {
                id: new_user,
                email: Some(email),
                password: None,
                display_name: None,
                email_verified: true,
                is_active: true,
                created_at: ending.at,
                last_login_at: None,
                email_changed_at: None,
                password_reset_at: None,
            };
            tables::users::insert(conn, &user)?;
            (new_user, Vec::new())
        }
    };
    token.assign_to_user(conn, id)?;
    Ok(match tables::sessions::open(conn, id, session, cap, ending)? {
        Ok(mut opened) => {
            opened.ended.extend(ended);
            MagicLinkLogin::Done(opened)
        }
        Err(_) => MagicLinkLogin::Disabled,
    })
}

/// What remains of the access to an account.
#[derive(Default)]
struct NewAccess<'a> {
    /// The password of a reset; `None` removes the password.
    password: Option<&'a PasswordHash>,
    /// Whether to remove the identities of an owner whose address was verified before, too.
    unlink: bool,
}

/// Marks the address as verified, sets or removes the password, and revokes every other access.
/// Removes the name of an unverified account.
fn revoke_other_access(
    conn: &mut SqliteConnection,
    user: &User,
    access: &NewAccess<'_>,
    ending: Ending,
) -> Result<Vec<Revocation>, Failure> {
    diesel::update(users::table.filter(users::id.eq(Id::from(user.id))))
        .set((
            users::email_verified.eq(true),
            users::password_hash.eq(access.password.map(|hash| hash.0.as_str())),
            access.password.map(|_| users::password_reset_at.eq(ending.at.as_micros())),
            (!user.email_verified).then(|| users::display_name.eq(None::<String>)),
            users::updated_at.eq(ending.at.as_micros()),
        ))
        .execute(conn)?;
    if !user.email_verified || access.unlink {
        tables::external_identities::delete_all(conn, user.id)?;
    }
    invalidate_all_except(conn, user.id, None, ending.at)?;
    tables::sessions::end_all(conn, user.id, None, ending)
}
