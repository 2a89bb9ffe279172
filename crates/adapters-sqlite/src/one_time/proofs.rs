//! What tokens prove.

use diesel::prelude::*;
use domain::account::{
    Email, EmailChange, MagicLogIn, PasswordHash, PasswordReplacement, Proof, Purpose, User,
};
use domain::mail::NewMail;
use domain::session::{Ending, NewSession, Opened, Revocation, TokenHash};
use domain::{Stamp, UserId};

use super::tokens::{consume, good, void_all_but, write};
use crate::error::Failure;
use crate::rows::{Id, UserRow};
use crate::schema::users;
use crate::{accounts, identities, outbox, sessions};

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
    match good(conn, Purpose::ResetPassword, hash, now)? {
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
        outbox::queue(conn, notice, ending.at)?;
    }
    shut_out_others(conn, &user, Some(&new.password), ending).map(Some)
}

pub(super) fn magic_log_in(
    conn: &mut SqliteConnection,
    hash: TokenHash,
    new_user: UserId,
    session: &NewSession,
    cap: u32,
    ending: Ending,
) -> Result<MagicLogIn, Failure> {
    let Some(token) = consume(conn, Purpose::MagicLink, hash, ending.at)? else {
        return Ok(MagicLogIn::Invalid);
    };
    let email = token.address()?;
    let (id, mut ended) = match accounts::by_email(conn, &email)? {
        Some(user) if !user.is_active => return Ok(MagicLogIn::Disabled),
        Some(user) if user.email_verified => (user.id, Vec::new()),
        Some(user) => (user.id, shut_out_others(conn, &user, None, ending)?),
        None => {
            let user = User {
                id: new_user,
                email: Some(email),
                password: None,
                display_name: None,
                email_verified: true,
                is_active: true,
                created_at: ending.at,
                last_login_at: None,
            };
            accounts::insert(conn, &user)?;
            (new_user, Vec::new())
        }
    };
    token.adopt(conn, id)?;
    let opened = sessions::open(conn, id, session, cap, ending)?;
    match (opened, accounts::by_id(conn, id)?) {
        (Opened::Done(more), Some(user)) => {
            ended.extend(more);
            Ok(MagicLogIn::Done(Box::new(user), ended))
        }
        _ => Ok(MagicLogIn::Disabled),
    }
}

/// Marks the address as verified, sets or removes the password, and ends every other way in; identities only where the address was
/// not verified before.
fn shut_out_others(
    conn: &mut SqliteConnection,
    user: &User,
    password: Option<&PasswordHash>,
    ending: Ending,
) -> Result<Vec<Revocation>, Failure> {
    diesel::update(users::table.filter(users::id.eq(Id::from(user.id))))
        .set((
            users::email_verified.eq(true),
            users::password_hash.eq(password.map(|hash| hash.0.as_str())),
            users::updated_at.eq(ending.at.as_micros()),
        ))
        .execute(conn)?;
    if !user.email_verified {
        identities::forget(conn, user.id)?;
    }
    void_all_but(conn, user.id, None, ending.at)?;
    sessions::end_all(conn, user.id, None, ending)
}

pub(super) fn change_email(
    conn: &mut SqliteConnection,
    user: UserId,
    email: &Email,
    proof: &Proof,
    notice: Option<&NewMail>,
    now: Stamp,
) -> Result<EmailChange, Failure> {
    if !accounts::exists(conn, user)? {
        return Ok(EmailChange::NoSuchUser);
    }
    if accounts::by_email(conn, email)?.is_some_and(|owner| owner.id != user) {
        return Ok(EmailChange::Taken);
    }
    let row = diesel::update(users::table.filter(users::id.eq(Id::from(user))))
        .set((
            users::email.eq(email.as_str()),
            users::email_key.eq(email.key()),
            users::email_verified.eq(false),
            users::updated_at.eq(now.as_micros()),
        ))
        .returning(UserRow::as_returning())
        .get_result(conn)?;
    write(conn, proof, now)?;
    if let Some(notice) = notice {
        outbox::queue(conn, notice, now)?;
    }
    Ok(EmailChange::Done(Box::new(User::try_from(row)?)))
}
