//! [`OneTimeStore`] on PostgreSQL.
//!
//! One conditional update uses a token, under the lock of its user if it has one.

mod magic_link;
mod take_over;

use async_trait::async_trait;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::one_time::{
    ConsumedToken, EmailToken, MagicLinkLogin, NewOneTimeToken, OneTimeStore, PasswordReplacement, Purpose,
};
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::user::User;
use domain::{Stamp, StoreError, UserId};
use uuid::Uuid;

use self::take_over::{NewAccess, revoke_other_access};
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{UserRow, timestamp};
use crate::schema::users;
use crate::store::PostgresStore;
use crate::tables::{mail_outbox, one_time_tokens as tokens, users as accounts};

#[async_trait]
impl OneTimeStore for PostgresStore {
    async fn send(&self, sent: EmailToken, now: Stamp) -> Result<(), StoreError> {
        // Runs the same number of statements without a user, so that the time does not reveal
        // whether an account exists.
        let user = sent.token.user.unwrap_or(UserId(Uuid::nil()));
        let sent = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            let exists = accounts::lock(conn, user).await?;
            // Stores nothing for a user who was deleted in the meantime.
            if exists || sent.token.user.is_none() {
                tokens::issue(conn, user, &sent, now).await?;
            }
            Ok(())
        });
        sent.await
    }

    async fn put(&self, token: NewOneTimeToken) -> Result<(), StoreError> {
        let user = token.user;
        let scope = user.map_or(RowScope::Unrestricted, RowScope::User);
        let put = self.pool.write(scope, async move |conn: &AsyncPgConnection| match user {
            Some(user) if !accounts::lock(conn, user).await? => Ok(()),
            _ => tokens::insert(conn, &token).await,
        });
        put.await
    }

    async fn consume(
        &self,
        purpose: Purpose,
        hash: &TokenHash,
        now: Stamp,
    ) -> Result<Option<ConsumedToken>, StoreError> {
        let hash = *hash;
        let row = self.pool.write(RowScope::token(&hash), async move |conn: &AsyncPgConnection| {
            tokens::consume(conn, purpose, &hash, now).await
        });
        Ok(row.await?.map(|row| ConsumedToken { user: row.user(), payload: row.payload }))
    }

    async fn verify_email(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let hash = *hash;
        let verified = self.pool.write(RowScope::token(&hash), async move |conn: &AsyncPgConnection| {
            let Some(user) = consume_mailed(conn, Purpose::VerifyEmail, &hash, now).await? else {
                return Ok(None);
            };
            let update = diesel::update(users::table.filter(users::id.eq(user.id.0)))
                .set((users::email_verified.eq(true), users::updated_at.eq(timestamp(now))));
            Ok(Some(update.returning(UserRow::as_returning()).get_result(&mut &*conn).await?))
        });
        verified.await?.map(User::try_from).transpose()
    }

    async fn resettable(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let (pool, hash) = (&self.pool, *hash);
        let row = pool.read(RowScope::token(&hash), async move |mut conn: &AsyncPgConnection| {
            let token = tokens::find_valid(conn, Purpose::ResetPassword, &hash, now).await?;
            let Some((token, user)) = token.and_then(|token| token.user().map(|user| (token, user))) else {
                return Ok(None);
            };
            pool.set_scope(conn, RowScope::User(user)).await?;
            let query = users::table
                .filter(users::id.eq(user.0))
                .filter(users::email_key.eq(token.address().key().to_owned()))
                .select(UserRow::as_select());
            Ok(query.first(&mut conn).await.optional()?)
        });
        row.await?.map(User::try_from).transpose()
    }

    async fn reset_password(
        &self,
        hash: &TokenHash,
        new: PasswordReplacement,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        let hash = *hash;
        let PasswordReplacement { password, ending, notice, unlink } = new;
        let reset = self.pool.write(RowScope::token(&hash), async move |conn: &AsyncPgConnection| {
            let user = consume_mailed(conn, Purpose::ResetPassword, &hash, ending.at).await?;
            let Some(user) = user else { return Ok(None) };
            if let Some(notice) = &notice {
                mail_outbox::enqueue(conn, notice, ending.at).await?;
            }
            let access = NewAccess { password: Some(&password), unlink };
            Ok(Some(revoke_other_access(conn, &user, &access, &ending).await?))
        });
        reset.await
    }

    async fn use_magic_link(
        &self,
        hash: &TokenHash,
        new_user: Option<UserId>,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<MagicLinkLogin, StoreError> {
        let hash = *hash;
        let logged_in = self.pool.write(RowScope::token(&hash), async move |conn: &AsyncPgConnection| {
            magic_link::log_in(conn, &hash, new_user, &session, cap, &ending).await
        });
        logged_in.await
    }
}

/// Consumes a token that was mailed to its user's address. Locks the user and includes them in the row scope.
///
/// Returns the user as loaded under the lock, or `None` if the token is not valid or the user's address has
/// changed.
async fn consume_mailed(
    conn: &AsyncPgConnection,
    purpose: Purpose,
    hash: &TokenHash,
    now: Stamp,
) -> Result<Option<User>, Failure> {
    let Some(token) = tokens::find_valid(conn, purpose, hash, now).await? else { return Ok(None) };
    let Some(user) = token.user() else { return Ok(None) };
    RowScope::User(user).set(conn).await?;
    let addressee = accounts::lock_if_address_matches(conn, user, &token.address()).await?;
    let consumed = tokens::consume(conn, purpose, hash, now).await?;
    Ok(addressee.filter(|_| consumed.is_some()).map(User::try_from).transpose()?)
}
