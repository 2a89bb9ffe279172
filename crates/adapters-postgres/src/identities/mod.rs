//! [`IdentityStore`] on PostgreSQL.
//!
//! A transaction locks an identity before the user. A constraint keeps addresses unique: if two transactions
//! create accounts with one address, the second finds the account of the first.

mod resolve;

use async_trait::async_trait;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::identity::{
    ExternalToken, IdentityStore, Linked, LoginWays, ProviderIdentity, Resolved, SealedTokens, Unlinked,
};
use domain::mail::Notice;
use domain::user::User;
use domain::{SessionId, Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::schema::external_identities;
use crate::store::PostgresStore;
use crate::tables;
use crate::tables::external_identities::{self as identities, NewIdentity};
use crate::tables::users::NewAccount;

#[async_trait]
impl IdentityStore for PostgresStore {
    async fn find_or_create_external(
        &self,
        token: &ExternalToken,
        new_user: UserId,
        now: Stamp,
    ) -> Result<UserId, StoreError> {
        let (issuer, subject) = (token.issuer.clone(), token.subject.clone());
        let scope = RowScope::identity(&issuer, &subject);
        let known = self.pool.read(scope.clone(), async move |mut conn: &AsyncPgConnection| {
            let owner = identities::owner_statement(&issuer, &subject);
            Ok(owner.get_result::<Uuid>(&mut conn).await.optional()?)
        });
        if let Some(user) = known.await? {
            return Ok(UserId(user));
        }
        let token = token.clone();
        let user = self.pool.write(scope, async move |conn: &AsyncPgConnection| {
            create_external(conn, &token, new_user, now).await
        });
        user.await
    }

    async fn resolve(
        &self,
        identity: ProviderIdentity,
        new_user: Option<UserId>,
        notice: Notice,
        now: Stamp,
    ) -> Result<Resolved, StoreError> {
        let scope = RowScope::identity(&identity.provider, &identity.subject);
        let resolved = self.pool.write(scope, async move |conn: &AsyncPgConnection| {
            resolve::resolve(conn, &identity, new_user, &notice, now).await
        });
        resolved.await
    }

    async fn link(
        &self,
        user: UserId,
        session: Option<SessionId>,
        identity: ProviderIdentity,
        notice: Notice,
        now: Stamp,
    ) -> Result<Linked, StoreError> {
        let linked = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            let ProviderIdentity { provider, subject, verified_email, tokens, name: _ } = &identity;
            identities::lock(conn, provider, subject).await?;
            let Some(row) = tables::users::lock_and_load(conn, user).await? else {
                return Ok(Linked::NoSuchUser);
            };
            let account = User::try_from(row)?;
            if !tables::sessions::lock_live(conn, user, session, now).await? {
                return Ok(Linked::SessionEnded);
            }
            let owner = identities::owner(conn, provider, subject).await?;
            if owner.is_some_and(|owner| owner != user) {
                return Ok(Linked::BelongsToAnother);
            }
            if owner.is_none() && identities::providers(conn, user).await?.contains(provider) {
                return Ok(Linked::AnotherIsLinked);
            }
            let new = NewIdentity { provider, subject, email: verified_email.as_ref(), tokens };
            identities::upsert(conn, user, &new, owner.is_some(), now).await?;
            if let (None, Some(mail)) = (owner, notice.to(&account)) {
                tables::mail_outbox::enqueue(conn, &mail, now).await?;
            }
            Ok(Linked::Done)
        });
        linked.await
    }

    async fn unlink(
        &self,
        user: UserId,
        session: Option<SessionId>,
        provider: &str,
        ways: LoginWays,
        notice: Notice,
        now: Stamp,
    ) -> Result<Unlinked, StoreError> {
        let provider = provider.to_owned();
        let unlinked = self.pool.write(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            let Some(row) = tables::users::lock_and_load(conn, user).await? else {
                return Ok(Unlinked::NotLinked);
            };
            let account = User::try_from(row)?;
            if !tables::sessions::lock_live(conn, user, session, now).await? {
                return Ok(Unlinked::SessionEnded);
            }
            let providers = identities::providers(conn, user).await?;
            if !providers.contains(&provider) {
                return Ok(Unlinked::NotLinked);
            }
            if !ways.remain(&account, &providers, &provider) {
                return Ok(Unlinked::LastWayIn);
            }
            let own = external_identities::table
                .filter(external_identities::user_id.eq(user.0))
                .filter(external_identities::provider.eq(&provider));
            diesel::delete(own).execute(&mut conn).await?;
            if let Some(mail) = notice.to(&account) {
                tables::mail_outbox::enqueue(conn, &mail, now).await?;
            }
            Ok(Unlinked::Done)
        });
        unlinked.await
    }

    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        let providers = self.pool.read_of(user, false, async move |conn: &AsyncPgConnection| {
            identities::providers(conn, user).await
        });
        providers.await
    }
}

/// Creates a user for the token's subject, unless a concurrent transaction has done so.
async fn create_external(
    conn: &AsyncPgConnection,
    token: &ExternalToken,
    new_user: UserId,
    now: Stamp,
) -> Result<UserId, Failure> {
    let ExternalToken { issuer, subject, email, name, expires_at: _ } = token;
    identities::lock(conn, issuer, subject).await?;
    if let Some(user) = identities::owner(conn, issuer, subject).await? {
        return Ok(user);
    }
    RowScope::User(new_user).set(conn).await?;
    let account = NewAccount {
        id: new_user,
        email: None,
        email_verified: false,
        password: None,
        display_name: name.as_ref(),
        last_login_at: None,
    };
    tables::users::insert(conn, &account, now).await?;
    let tokens = SealedTokens::default();
    let identity = NewIdentity { provider: issuer, subject, email: email.as_ref(), tokens: &tokens };
    identities::upsert(conn, new_user, &identity, false, now).await?;
    Ok(new_user)
}
