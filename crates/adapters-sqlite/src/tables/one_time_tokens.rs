//! Statements on `one_time_tokens`.

use diesel::prelude::*;
use domain::one_time::{ConsumedToken, EmailToken, NewOneTimeToken, Purpose};
use domain::session::TokenHash;
use domain::user::{Email, User};
use domain::{Stamp, UserId};

use super::{mail_outbox, users};
use crate::error::Failure;
use crate::rows::Id;
use crate::schema::one_time_tokens;

/// A token that was valid when it was read: unused and not expired.
#[derive(Queryable, Selectable)]
#[diesel(table_name = one_time_tokens)]
pub(crate) struct ValidToken {
    id: Id,
    user_id: Option<Id>,
    payload: String,
}

impl From<ValidToken> for ConsumedToken {
    fn from(token: ValidToken) -> Self {
        Self { user: token.user_id.map(|id| UserId(id.0)), payload: token.payload }
    }
}

impl ValidToken {
    /// The address that the token was sent to.
    pub(crate) fn address(&self) -> Email {
        Email::from_stored(self.payload.clone())
    }

    /// Returns the token's user if the account still has the address that the token was sent to.
    pub(crate) fn addressee(&self, conn: &mut SqliteConnection) -> Result<Option<User>, Failure> {
        let Some(id) = self.user_id else {
            return Ok(None);
        };
        let address = self.address();
        let user = users::by_id(conn, UserId(id.0))?;
        Ok(user.filter(|user| user.email.as_ref() == Some(&address)))
    }

    /// Assigns the token and its email to `user`, unless the token has a user already.
    pub(crate) fn assign_to_user(&self, conn: &mut SqliteConnection, user: UserId) -> QueryResult<()> {
        if self.user_id.is_some() {
            return Ok(());
        }
        diesel::update(one_time_tokens::table.filter(one_time_tokens::id.eq(self.id)))
            .set(one_time_tokens::user_id.eq(Id::from(user)))
            .execute(conn)?;
        mail_outbox::assign_to_user(conn, self.id, user)
    }
}

/// Whether the token belongs to no user, or to one that exists.
pub(crate) fn user_exists(conn: &mut SqliteConnection, token: &NewOneTimeToken) -> QueryResult<bool> {
    token.user.map_or(Ok(true), |user| users::exists(conn, user))
}

/// Stores a token with its email, and invalidates the user's older tokens of the same purpose.
pub(crate) fn issue(conn: &mut SqliteConnection, sent: &EmailToken, now: Stamp) -> QueryResult<()> {
    let EmailToken { token, mail } = sent;
    if let Some(user) = token.user {
        invalidate(conn, user, token.purpose, now)?;
    }
    insert(conn, token)?;
    mail.as_ref().map_or(Ok(()), |mail| mail_outbox::enqueue(conn, mail, now))
}

/// Invalidates the user's unused tokens of one purpose.
pub(crate) fn invalidate(
    conn: &mut SqliteConnection,
    user: UserId,
    purpose: Purpose,
    now: Stamp,
) -> QueryResult<()> {
    diesel::update(one_time_tokens::table.filter(one_time_tokens::user_id.eq(Id::from(user))))
        .filter(one_time_tokens::kind.eq(purpose.as_str()))
        .filter(one_time_tokens::used_at.is_null())
        .set(one_time_tokens::used_at.eq(now.as_micros()))
        .execute(conn)?;
    Ok(())
}

/// Invalidates the user's unused tokens, except those of the purpose `kept`.
pub(crate) fn invalidate_all_except(
    conn: &mut SqliteConnection,
    user: UserId,
    kept: Option<Purpose>,
    now: Stamp,
) -> QueryResult<()> {
    diesel::update(one_time_tokens::table.filter(one_time_tokens::user_id.eq(Id::from(user))))
        .filter(one_time_tokens::kind.ne(kept.map_or("", Purpose::as_str)))
        .filter(one_time_tokens::used_at.is_null())
        .set(one_time_tokens::used_at.eq(now.as_micros()))
        .execute(conn)?;
    Ok(())
}

pub(crate) fn insert(conn: &mut SqliteConnection, token: &NewOneTimeToken) -> QueryResult<()> {
    diesel::insert_into(one_time_tokens::table)
        .values((
            one_time_tokens::id.eq(Id::from(token.id)),
            one_time_tokens::kind.eq(token.purpose.as_str()),
            one_time_tokens::token_hash.eq(token.hash.0.as_slice()),
            one_time_tokens::user_id.eq(token.user.map(Id::from)),
            one_time_tokens::payload.eq(token.payload.as_str()),
            one_time_tokens::expires_at.eq(token.expires_at.as_micros()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Finds a valid token without using it.
pub(crate) fn find_valid(
    conn: &mut SqliteConnection,
    purpose: Purpose,
    hash: TokenHash,
    now: Stamp,
) -> QueryResult<Option<ValidToken>> {
    one_time_tokens::table
        .filter(one_time_tokens::token_hash.eq(hash.0.as_slice()))
        .filter(one_time_tokens::kind.eq(purpose.as_str()))
        .filter(one_time_tokens::used_at.is_null())
        .filter(one_time_tokens::expires_at.gt(now.as_micros()))
        .select(ValidToken::as_select())
        .first(conn)
        .optional()
}

/// Marks a valid token as used and returns it.
pub(crate) fn consume(
    conn: &mut SqliteConnection,
    purpose: Purpose,
    hash: TokenHash,
    now: Stamp,
) -> QueryResult<Option<ValidToken>> {
    diesel::update(one_time_tokens::table.filter(one_time_tokens::token_hash.eq(hash.0.as_slice())))
        .filter(one_time_tokens::kind.eq(purpose.as_str()))
        .filter(one_time_tokens::used_at.is_null())
        .filter(one_time_tokens::expires_at.gt(now.as_micros()))
        .set(one_time_tokens::used_at.eq(now.as_micros()))
        .returning(ValidToken::as_returning())
        .get_result(conn)
        .optional()
}
