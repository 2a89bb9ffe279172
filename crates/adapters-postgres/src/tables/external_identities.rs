//! Statements on `external_identities`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::identity::SealedTokens;
use domain::user::Email;
use domain::{Stamp, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{optional_stamp, timestamp};
use crate::schema::external_identities;
use crate::sql::{Sql, sql};

/// Takes an advisory lock on the identity until the transaction ends. The row need not exist.
///
/// Callers take it before the lock of any user. If two identities have the same hash, their transactions wait
/// for each other, which does no other harm.
pub(crate) async fn lock(conn: &AsyncPgConnection, provider: &str, subject: &str) -> Result<(), Failure> {
    let statement: Sql<'_, SqlUuid> = sql("select pg_advisory_xact_lock(hashtextextended(")
        .bind::<Text, _>(format!("{provider}\n{subject}"))
        .sql(", 0))");
    statement.execute(&mut &*conn).await?;
    Ok(())
}

/// Returns the user that the identity is linked to. Afterwards the row scope includes the identity.
pub(crate) async fn owner(
    conn: &AsyncPgConnection,
    provider: &str,
    subject: &str,
) -> Result<Option<UserId>, Failure> {
    RowScope::identity(provider, subject).set(conn).await?;
    let owner = owner_statement(provider, subject).get_result::<Uuid>(&mut &*conn).await.optional()?;
    Ok(owner.map(UserId))
}

pub(crate) fn owner_statement<'a>(provider: &'a str, subject: &'a str) -> Sql<'a, SqlUuid> {
    sql("select i.user_id from external_identities i where i.provider = ")
        .bind::<Text, _>(provider)
        .sql(" and i.subject = ")
        .bind::<Text, _>(subject)
}

/// The columns of an identity, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct NewIdentity<'a> {
    pub provider: &'a str,
    pub subject: &'a str,
    pub email: Option<&'a Email>,
    pub tokens: &'a SealedTokens,
}

/// Links the identity to the user. If it is linked already (`exists`), replaces its provider tokens. The
/// identity must be locked.
pub(crate) async fn upsert(
    conn: &AsyncPgConnection,
    user: UserId,
    new: &NewIdentity<'_>,
    exists: bool,
    now: Stamp,
) -> Result<(), Failure> {
    let SealedTokens { key_id, access, refresh } = new.tokens;
    let tokens = (
        external_identities::key_id.eq(key_id),
        external_identities::access_token.eq(access),
        external_identities::refresh_token.eq(refresh),
    );
    if exists {
        let own = external_identities::table
            .filter(external_identities::user_id.eq(user.0))
            .filter(external_identities::provider.eq(new.provider))
            .filter(external_identities::subject.eq(new.subject));
        diesel::update(own).set(tokens).execute(&mut &*conn).await?;
    } else {
        let row = diesel::insert_into(external_identities::table).values((
            external_identities::user_id.eq(user.0),
            external_identities::provider.eq(new.provider),
            external_identities::subject.eq(new.subject),
            external_identities::email.eq(new.email.map(Email::as_str)),
            tokens,
            external_identities::created_at.eq(timestamp(now)),
        ));
        row.execute(&mut &*conn).await?;
    }
    Ok(())
}

/// When the identity was linked to the user; `None` if it is not.
pub(crate) async fn linked_at(
    conn: &AsyncPgConnection,
    user: UserId,
    provider: &str,
    subject: &str,
) -> Result<Option<Stamp>, Failure> {
    let own = external_identities::table
        .filter(external_identities::user_id.eq(user.0))
        .filter(external_identities::provider.eq(provider))
        .filter(external_identities::subject.eq(subject))
        .select(external_identities::created_at);
    let created_at = own.first::<PgTimestamp>(&mut &*conn).await.optional()?;
    Ok(optional_stamp("external_identities", "created_at", created_at)?)
}

/// Deletes all of the user's identities. The user must be locked.
pub(crate) async fn delete_all(conn: &AsyncPgConnection, user: UserId) -> Result<(), Failure> {
    let own = external_identities::table.filter(external_identities::user_id.eq(user.0));
    diesel::delete(own).execute(&mut &*conn).await?;
    Ok(())
}

/// Returns the distinct providers and issuers of the user's identities in ascending order.
pub(crate) async fn providers(conn: &AsyncPgConnection, user: UserId) -> Result<Vec<String>, Failure> {
    let rows = external_identities::table
        .filter(external_identities::user_id.eq(user.0))
        .select(external_identities::provider)
        .distinct()
        .order(external_identities::provider);
    Ok(rows.load(&mut &*conn).await?)
}
