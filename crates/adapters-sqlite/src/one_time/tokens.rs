//! The tokens themselves.

use diesel::prelude::*;
use domain::account::{Consumed, Email, NewOneTime, OneTimeRecord, Proof, Purpose, User};
use domain::session::TokenHash;
use domain::{Stamp, StoreError, UserId};

use crate::error::Failure;
use crate::rows::{Id, stamp};
use crate::schema::one_time_tokens;
use crate::{accounts, outbox};

/// A token that was good.
#[derive(Queryable, Selectable)]
#[diesel(table_name = one_time_tokens)]
pub(super) struct Good {
    id: Id,
    user_id: Option<Id>,
    payload: String,
}

impl From<Good> for Consumed {
    fn from(token: Good) -> Self {
        Self { user: token.user_id.map(|id| UserId(id.0)), payload: token.payload }
    }
}

impl Good {
    /// The address that it proves.
    pub(super) fn address(&self) -> Result<Email, StoreError> {
        let address = Email::parse(&self.payload);
        address.map_err(|problem| StoreError::corrupt("one_time_tokens", "payload", problem.to_string()))
    }

    /// Its user, provided that the address is still theirs.
    pub(super) fn addressee(&self, conn: &mut SqliteConnection) -> Result<Option<User>, Failure> {
        let Some(id) = self.user_id else {
            return Ok(None);
        };
        let address = self.address()?;
        let user = accounts::by_id(conn, UserId(id.0))?;
        Ok(user.filter(|user| user.email.as_ref() == Some(&address)))
    }

    /// Makes it the user's, with the mail that brought it, where it was nobody's.
    pub(super) fn adopt(&self, conn: &mut SqliteConnection, user: UserId) -> QueryResult<()> {
        if self.user_id.is_some() {
            return Ok(());
        }
        diesel::update(one_time_tokens::table.filter(one_time_tokens::id.eq(self.id)))
            .set(one_time_tokens::user_id.eq(Id::from(user)))
            .execute(conn)?;
        outbox::adopt(conn, self.id, user)
    }
}

/// Whether the token is nobody's, or its user is there.
pub(super) fn has_room_for(conn: &mut SqliteConnection, token: &NewOneTime) -> QueryResult<bool> {
    token.user.map_or(Ok(true), |user| accounts::exists(conn, user))
}

/// Stores a token of a user who is there, with its mail, and voids the older ones of user and purpose.
pub(crate) fn write(conn: &mut SqliteConnection, proof: &Proof, now: Stamp) -> QueryResult<()> {
    let Proof { token, mail } = proof;
    if let Some(user) = token.user {
        diesel::update(one_time_tokens::table.filter(one_time_tokens::user_id.eq(Id::from(user))))
            .filter(one_time_tokens::kind.eq(token.purpose.as_str()))
            .filter(one_time_tokens::used_at.is_null())
            .set(one_time_tokens::used_at.eq(now.as_micros()))
            .execute(conn)?;
    }
    put(conn, token)?;
    mail.as_ref().map_or(Ok(()), |mail| outbox::queue(conn, mail, now))
}

/// Makes the user's unused tokens void, except those of one purpose.
pub(crate) fn void_all_but(
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

pub(super) fn put(conn: &mut SqliteConnection, token: &NewOneTime) -> QueryResult<()> {
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

/// A token that is good, left so.
pub(super) fn good(
    conn: &mut SqliteConnection,
    purpose: Purpose,
    hash: TokenHash,
    now: Stamp,
) -> QueryResult<Option<Good>> {
    one_time_tokens::table
        .filter(one_time_tokens::token_hash.eq(hash.0.as_slice()))
        .filter(one_time_tokens::kind.eq(purpose.as_str()))
        .filter(one_time_tokens::used_at.is_null())
        .filter(one_time_tokens::expires_at.gt(now.as_micros()))
        .select(Good::as_select())
        .first(conn)
        .optional()
}

/// Uses a token up, where it is good.
pub(super) fn consume(
    conn: &mut SqliteConnection,
    purpose: Purpose,
    hash: TokenHash,
    now: Stamp,
) -> QueryResult<Option<Good>> {
    diesel::update(one_time_tokens::table.filter(one_time_tokens::token_hash.eq(hash.0.as_slice())))
        .filter(one_time_tokens::kind.eq(purpose.as_str()))
        .filter(one_time_tokens::used_at.is_null())
        .filter(one_time_tokens::expires_at.gt(now.as_micros()))
        .set(one_time_tokens::used_at.eq(now.as_micros()))
        .returning(Good::as_returning())
        .get_result(conn)
        .optional()
}

/// Those of a user, the first to expire first.
pub(crate) fn records(conn: &mut SqliteConnection, user: UserId) -> Result<Vec<OneTimeRecord>, Failure> {
    let rows: Vec<(String, i64, bool)> = one_time_tokens::table
        .filter(one_time_tokens::user_id.eq(Id::from(user)))
        .order((one_time_tokens::expires_at, one_time_tokens::id))
        .select((one_time_tokens::kind, one_time_tokens::expires_at, one_time_tokens::used_at.is_not_null()))
        .load(conn)?;
    let records = rows.into_iter().map(|(kind, expires_at, used)| {
        let purpose = Purpose::parse(&kind)
            .ok_or_else(|| StoreError::corrupt("one_time_tokens", "kind", "not a purpose"))?;
        let expires_at = stamp("one_time_tokens", "expires_at", expires_at)?;
        Ok(OneTimeRecord { purpose, expires_at, used })
    });
    records.collect()
}
