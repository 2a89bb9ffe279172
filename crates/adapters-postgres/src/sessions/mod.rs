//! [`SessionStore`] on PostgreSQL.
//!
//! Locks are taken in one order, user before session; a refresh takes the session's alone.

mod rotate;
pub(crate) mod write;

use async_trait::async_trait;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::{
    Device, Ending, NewSession, Opened, RefreshToken, Refreshed, Revocation, SessionStore, Successor,
    TokenHash,
};
use domain::{SessionId, Stamp, StoreError, UserId};

use self::write::Which;
use crate::PostgresStore;
use crate::fence::Scope;
use crate::rows::{RevocationRow, TokenRow, timestamp};
use crate::schema::{refresh_tokens, revoked_tokens, users};

#[async_trait]
impl SessionStore for PostgresStore {
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Opened, StoreError> {
        let opened = self.pool.write(Scope::User(user), async move |mut conn: &AsyncPgConnection| {
            if write::lock_user(conn, user).await? != Some(true) {
                return Ok(Opened::NoSuchUser);
            }
            // The new one comes on top of those that stay.
            let room = Which::LiveBeyond(cap.saturating_sub(1));
            let ended = write::end(conn, user, room, &ending).await?;
            write::insert_session(conn, user, &session, ending.at).await?;
            let login = users::last_login_at.eq(timestamp(ending.at));
            diesel::update(users::table.filter(users::id.eq(user.0))).set(login).execute(&mut conn).await?;
            Ok(Opened::Done(ended))
        });
        opened.await
    }

    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshToken>, StoreError> {
        let hash = *hash;
        let row = self.pool.read(Scope::token(&hash), async move |mut conn: &AsyncPgConnection| {
            let query = refresh_tokens::table
                .filter(refresh_tokens::token_hash.eq(&hash.0[..]))
                .select(TokenRow::as_select());
            Ok(query.first(&mut conn).await.optional()?)
        });
        row.await?.map(RefreshToken::try_from).transpose()
    }

    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Refreshed, StoreError> {
        let (presented, device) = (*presented, device.clone());
        let refreshed = self.pool.write(Scope::token(&presented), async move |conn: &AsyncPgConnection| {
            rotate::rotate(conn, &presented, &successor, &device, &ending).await
        });
        refreshed.await
    }

    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError> {
        let ended = self.pool.write(Scope::User(user), async move |conn: &AsyncPgConnection| {
            write::end(conn, user, Which::One(session), &ending).await
        });
        Ok(ended.await?.pop())
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError> {
        let ended = self.pool.write(Scope::User(user), async move |conn: &AsyncPgConnection| {
            write::lock_user(conn, user).await?;
            write::end_all(conn, user, keep, &ending).await
        });
        ended.await
    }

    async fn revocations(&self, since: Option<Stamp>, now: Stamp) -> Result<Vec<Revocation>, StoreError> {
        let rows = self.pool.read(Scope::Unfenced, async move |mut conn: &AsyncPgConnection| {
            let query = revoked_tokens::table
                .filter(revoked_tokens::revoked_at.ge(timestamp(since.unwrap_or(Stamp::MIN))))
                .filter(revoked_tokens::expires_at.gt(timestamp(now)))
                .select(RevocationRow::as_select());
            Ok(query.load(&mut conn).await?)
        });
        rows.await?.into_iter().map(Revocation::try_from).collect()
    }
}
