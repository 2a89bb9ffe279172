//! Login with a magic link, which may create the account.

use diesel_async::AsyncPgConnection;
use domain::UserId;
use domain::one_time::{MagicLinkLogin, Purpose};
use domain::session::{Ending, NewSession, TokenHash};
use domain::user::User;

use super::take_over::{NewAccess, revoke_other_access};
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::tables::users::{AddressOwner, NewAccount, find_or_create, lock_if_address_matches};
use crate::tables::{one_time_tokens as tokens, sessions};

/// Logs in. At first, the row scope need only include the token.
pub(super) async fn log_in(
    conn: &AsyncPgConnection,
    hash: &TokenHash,
    new_user: Option<UserId>,
    session: &NewSession,
    cap: u32,
    ending: &Ending,
) -> Result<MagicLinkLogin, Failure> {
    let now = ending.at;
    let Some(sent) = tokens::find_valid(conn, Purpose::MagicLink, hash, now).await? else {
        return Ok(MagicLinkLogin::Invalid);
    };
    let email = sent.address();
    if let Some(user) = sent.user() {
        // Same order of locks as a deletion: the user before the tokens.
        RowScope::User(user).set(conn).await?;
        lock_if_address_matches(conn, user, &email).await?;
    }
    let Some(token) = tokens::consume(conn, Purpose::MagicLink, hash, now).await? else {
        return Ok(MagicLinkLogin::Invalid);
    };
    let new = new_user.map(|id| NewAccount {
        id,
        email: Some(&email),
        email_verified: true,
        password: None,
        display_name: None,
        last_login_at: Some(now),
    });
    let Some(owner) = find_or_create(conn, &email, new.as_ref(), now).await? else {
        return Ok(MagicLinkLogin::Invalid);
    };
    let (user, ended) = match owner {
        AddressOwner::Created(row) => (User::try_from(row)?, Vec::new()),
        AddressOwner::Existing(row) => {
            let user = User::try_from(row)?;
            if !user.is_active {
                return Ok(MagicLinkLogin::Disabled);
            }
            let ended = if user.email_verified {
                Vec::new()
            } else {
                revoke_other_access(conn, &user, &NewAccess::default(), ending).await?
            };
            (user, ended)
        }
    };
    if token.user().is_none() {
        tokens::assign_to_user(conn, &token, hash, user.id).await?;
    }
    let id = user.id;
    let Ok(trusted_from) = sessions::check(conn, Some(user), session, now).await? else {
        return Ok(MagicLinkLogin::Disabled);
    };
    let mut opened = sessions::open(conn, id, session, trusted_from, cap, ending).await?;
    opened.ended.extend(ended);
    Ok(MagicLinkLogin::Done(opened))
}
