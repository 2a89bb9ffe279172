//! Statements on `external_identities`.

#![expect(clippy::ref_option_ref, reason = "the derive generates it")]

use diesel::prelude::*;
use diesel::upsert::excluded;
use domain::identity::{ExternalToken, ProviderIdentity};
use domain::user::Email;
use domain::{Stamp, UserId};

use crate::error::Failure;
use crate::rows::{Id, optional_stamp};
use crate::schema::external_identities;

/// The columns of an identity, borrowed.
#[derive(Insertable)]
#[diesel(table_name = external_identities, treat_none_as_default_value = false)]
pub(crate) struct NewIdentity<'a> {
    provider: &'a str,
    subject: &'a str,
    user_id: Id,
    email: Option<&'a str>,
    key_id: Option<&'a str>,
    access_token: Option<&'a [u8]>,
    refresh_token: Option<&'a [u8]>,
    created_at: i64,
}

impl<'a> NewIdentity<'a> {
    pub(crate) fn find_or_create_external(token: &'a ExternalToken, user: UserId, now: Stamp) -> Self {
        Self {
            provider: &token.issuer,
            subject: &token.subject,
            user_id: user.into(),
            email: token.email.as_ref().map(Email::as_str),
            key_id: None,
            access_token: None,
            refresh_token: None,
            created_at: now.as_micros(),
        }
    }

    pub(crate) fn of_provider(identity: &'a ProviderIdentity, user: UserId, now: Stamp) -> Self {
        Self {
            provider: &identity.provider,
            subject: &identity.subject,
            user_id: user.into(),
            email: identity.verified_email.as_ref().map(Email::as_str),
            key_id: identity.tokens.key_id.as_deref(),
            access_token: identity.tokens.access.as_deref(),
            refresh_token: identity.tokens.refresh.as_deref(),
            created_at: now.as_micros(),
        }
    }
}

/// Inserts the identity, or replaces its provider tokens if it exists.
pub(crate) fn upsert(conn: &mut SqliteConnection, new: &NewIdentity<'_>) -> QueryResult<()> {
    diesel::insert_into(external_identities::table)
        .values(new)
        .on_conflict((external_identities::provider, external_identities::subject))
        .do_update()
        .set((
            external_identities::key_id.eq(excluded(external_identities::key_id)),
            external_identities::access_token.eq(excluded(external_identities::access_token)),
            external_identities::refresh_token.eq(excluded(external_identities::refresh_token)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Returns the user that the identity is linked to.
pub(crate) fn owner(
    conn: &mut SqliteConnection,
    provider: &str,
    subject: &str,
) -> QueryResult<Option<UserId>> {
    let owner: Option<Id> = external_identities::table
        .filter(external_identities::provider.eq(provider))
        .filter(external_identities::subject.eq(subject))
        .select(external_identities::user_id)
        .first(conn)
        .optional()?;
    Ok(owner.map(|id| UserId(id.0)))
}

/// When the identity was linked to the user; `None` if it is not.
pub(crate) fn linked_at(
    conn: &mut SqliteConnection,
    user: UserId,
    provider: &str,
    subject: &str,
) -> Result<Option<Stamp>, Failure> {
    let created_at: Option<i64> = external_identities::table
        .filter(external_identities::user_id.eq(Id::from(user)))
        .filter(external_identities::provider.eq(provider))
        .filter(external_identities::subject.eq(subject))
        .select(external_identities::created_at)
        .first(conn)
        .optional()?;
    Ok(optional_stamp("external_identities", "created_at", created_at)?)
}

/// Returns the distinct providers of the user's identities in ascending order.
pub(crate) fn providers(conn: &mut SqliteConnection, user: UserId) -> QueryResult<Vec<String>> {
    external_identities::table
        .filter(external_identities::user_id.eq(Id::from(user)))
        .select(external_identities::provider)
        .distinct()
        .order(external_identities::provider)
        .load(conn)
}

/// Deletes the user's identities at the provider.
pub(crate) fn delete(conn: &mut SqliteConnection, user: UserId, provider: &str) -> QueryResult<()> {
    diesel::delete(external_identities::table.filter(external_identities::user_id.eq(Id::from(user))))
        .filter(external_identities::provider.eq(provider))
        .execute(conn)?;
    Ok(())
}

/// Deletes all of the user's identities.
pub(crate) fn delete_all(conn: &mut SqliteConnection, user: UserId) -> QueryResult<()> {
    diesel::delete(external_identities::table.filter(external_identities::user_id.eq(Id::from(user))))
        .execute(conn)?;
    Ok(())
}
