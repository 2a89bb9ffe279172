//! Rows of identities.

#![expect(clippy::ref_option_ref, reason = "in the code that the derive writes")]

use diesel::prelude::*;
use diesel::upsert::excluded;
use domain::account::{Email, IdentityRecord};
use domain::identity::{ExternalToken, ProviderIdentity};
use domain::{Stamp, UserId};

use crate::error::Failure;
use crate::rows::{Id, stamp};
use crate::schema::external_identities;

/// An identity to be stored.
#[derive(Insertable)]
#[diesel(table_name = external_identities, treat_none_as_default_value = false)]
pub(super) struct New<'a> {
    provider: &'a str,
    subject: &'a str,
    user_id: Id,
    email: Option<&'a str>,
    key_id: Option<&'a str>,
    access_token: Option<&'a [u8]>,
    refresh_token: Option<&'a [u8]>,
    created_at: i64,
}

impl<'a> New<'a> {
    pub(super) fn of_external(token: &'a ExternalToken, user: UserId, now: Stamp) -> Self {
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

    pub(super) fn of_provider(identity: &'a ProviderIdentity, user: UserId, now: Stamp) -> Self {
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

/// Stores an identity, or replaces the tokens of the one that its user has.
pub(super) fn give(conn: &mut SqliteConnection, new: &New<'_>) -> QueryResult<()> {
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

/// Who has the identity.
pub(super) fn owner(
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

/// Sorted, each once.
pub(super) fn providers(conn: &mut SqliteConnection, user: UserId) -> QueryResult<Vec<String>> {
    external_identities::table
        .filter(external_identities::user_id.eq(Id::from(user)))
        .select(external_identities::provider)
        .distinct()
        .order(external_identities::provider)
        .load(conn)
}

/// Takes all of the provider's from the user.
pub(super) fn delete(conn: &mut SqliteConnection, user: UserId, provider: &str) -> QueryResult<()> {
    diesel::delete(external_identities::table.filter(external_identities::user_id.eq(Id::from(user))))
        .filter(external_identities::provider.eq(provider))
        .execute(conn)?;
    Ok(())
}

/// Takes all that there are from the user.
pub(crate) fn forget(conn: &mut SqliteConnection, user: UserId) -> QueryResult<()> {
    diesel::delete(external_identities::table.filter(external_identities::user_id.eq(Id::from(user))))
        .execute(conn)?;
    Ok(())
}

/// The user's identities, sorted.
pub(crate) fn records(conn: &mut SqliteConnection, user: UserId) -> Result<Vec<IdentityRecord>, Failure> {
    let rows: Vec<(String, String, Option<String>, i64)> = external_identities::table
        .filter(external_identities::user_id.eq(Id::from(user)))
        .order((external_identities::provider, external_identities::subject))
        .select((
            external_identities::provider,
            external_identities::subject,
            external_identities::email,
            external_identities::created_at,
        ))
        .load(conn)?;
    let record = |(provider, subject, email, created_at)| {
        let created_at = stamp("external_identities", "created_at", created_at)?;
        Ok(IdentityRecord { provider, subject, email, created_at })
    };
    rows.into_iter().map(record).collect()
}
