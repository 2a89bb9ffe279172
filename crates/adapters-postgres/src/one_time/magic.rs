//! Logging in with a magic link, which may make the account.

use diesel_async::AsyncPgConnection;
use domain::UserId;
use domain::one_time::{MagicLinkLogin, Purpose};
use domain::session::{Ending, NewSession, TokenHash};
use domain::user::User;

use super::take_over::shut_out_others;
use super::write;
use crate::accounts::write::{NewAccount, Owner, find_or_make, lock_addressee};
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::sessions::write::open;

/// Runs inside a transaction that may use the token and, at first, nothing else.
pub(super) async fn log_in(
    conn: &AsyncPgConnection,
    hash: &TokenHash,
    new_user: UserId,
    session: &NewSession,
    cap: u32,
    ending: &Ending,
) -> Result<MagicLinkLogin, Failure> {
    let now = ending.at;
    let Some(sent) = write::good(conn, Purpose::MagicLink, hash, now).await? else {
        return Ok(MagicLinkLogin::Invalid);
    };
    let email = sent.address();
    if let Some(user) = sent.user() {
        // Whoever removes a user locks them before their tokens, and so does this.
        RowScope::User(user).set(conn).await?;
        lock_addressee(conn, user, &email).await?;
    }
    let Some(token) = write::consume(conn, Purpose::MagicLink, hash, now).await? else {
        return Ok(MagicLinkLogin::Invalid);
    };
    let new = NewAccount {
        id: new_user,
        email: Some(&email),
        email_verified: true,
        password: None,
        display_name: None,
        last_login_at: Some(now),
    };
    let (user, ended) = match find_or_make(conn, &email, &new, now).await? {
        Owner::Made(row) => (User::try_from(row)?, Vec::new()),
        Owner::Found(row) => {
            let user = User::try_from(row)?;
            if !user.is_active {
                return Ok(MagicLinkLogin::Disabled);
            }
            let ended = if user.email_verified {
                Vec::new()
            } else {
                shut_out_others(conn, &user, None, ending).await?
            };
            (user, ended)
        }
    };
    if token.user().is_none() {
        write::adopt(conn, &token, hash, user.id).await?;
    }
    let mut opened = open(conn, user.id, session, cap, ending).await?;
    opened.ended.extend(ended);
    Ok(MagicLinkLogin::Done(opened))
}
