//! [`SessionStore`] on PostgreSQL.
//!
//! A refresh locks its session, and its user only against deletion.

pub(crate) mod facts;
pub(crate) mod live;
pub(crate) mod revocation_feed;
mod rotate;
pub(crate) mod sweep;

use async_trait::async_trait;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::one_time::Purpose;
use domain::session::refresh::RefreshFacts;
use domain::session::{
    Cutoffs, Device, Ending, FeedPosition, NewSession, OpenRefusal, OpenedSession, Revocation,
    RevocationFeed, Rotated, Session, SessionStore, Successor, TokenHash,
};
use domain::user::User;
use domain::{SessionId, Stamp, StoreError, UserId};

use self::revocation_feed::FeedRow;
use crate::row_security::{RowScope, Worker};
use crate::rows::SessionRow;
use crate::store::PostgresStore;
use crate::tables::sessions::{self, SessionSelection, Use};
use crate::tables::{one_time_tokens, users};

#[async_trait]
impl SessionStore for PostgresStore {
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Result<OpenedSession, OpenRefusal>, StoreError> {
        let opened = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            let found = users::lock_and_load(conn, user).await?.map(User::try_from).transpose()?;
            match sessions::check(conn, found, &session, ending.at).await? {
                Ok(trusted_from) => {
                    Ok(Ok(sessions::open(conn, user, &session, trusted_from, cap, &ending).await?))
                }
                Err(refusal) => Ok(Err(refusal)),
            }
        });
        opened.await
    }

    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshFacts>, StoreError> {
        let (pool, hash) = (&self.pool, *hash);
        let facts = self.pool.read(RowScope::token(&hash), async move |conn: &AsyncPgConnection| {
            let Some((user, _)) = facts::owner(conn, &hash).await? else { return Ok(None) };
            pool.set_scope(conn, RowScope::User(user)).await?;
            facts::load(conn, user, &hash).await
        });
        facts.await
    }

    async fn newest(&self, user: UserId, session: SessionId) -> Result<Option<RefreshFacts>, StoreError> {
        let facts = self.pool.read(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            let Some(hash) = facts::newest(conn, user, session).await? else { return Ok(None) };
            facts::load(conn, user, &hash).await
        });
        facts.await
    }

    async fn live(&self, user: UserId, now: Stamp) -> Result<Vec<Session>, StoreError> {
        let rows = self.pool.read_of(user, false, async move |mut conn: &AsyncPgConnection| {
            Ok(live::statement(user, now).load::<SessionRow>(&mut conn).await?)
        });
        rows.await?.into_iter().map(Session::try_from).collect()
    }

    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Rotated, StoreError> {
        let (presented, device) = (*presented, device.clone());
        let refreshed =
            self.pool.write(RowScope::token(&presented), async move |conn: &AsyncPgConnection| {
                rotate::rotate(conn, &presented, &successor, &device, &ending).await
            });
        refreshed.await
    }

    async fn touch(
        &self,
        user: UserId,
        session: SessionId,
        device: &Device,
        now: Stamp,
        access_until: Stamp,
    ) -> Result<(), StoreError> {
        let device = device.clone();
        let touched = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            sessions::touch(conn, user, session, &device, &Use::new(now, access_until)).await
        });
        touched.await
    }

    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError> {
        let ended = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            sessions::end(conn, user, SessionSelection::One(session), &ending).await
        });
        Ok(ended.await?.pop())
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError> {
        let ended = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            users::lock(conn, user).await?;
            one_time_tokens::invalidate(conn, user, Purpose::OAuthHandOff, ending.at).await?;
            sessions::end_all(conn, user, keep, &ending).await
        });
        ended.await
    }

    async fn revocations(
        &self,
        after: Option<FeedPosition>,
        now: Stamp,
    ) -> Result<RevocationFeed, StoreError> {
        let rows = self.pool.read(RowScope::Unrestricted, async move |mut conn: &AsyncPgConnection| {
            Ok(revocation_feed::statement(after, now).load::<FeedRow>(&mut conn).await?)
        });
        revocation_feed::read(rows.await?, after)
    }

    async fn sweep(&self, cutoffs: &Cutoffs, limit: u32) -> Result<u64, StoreError> {
        let cutoffs = *cutoffs;
        let gone = self.pool.write(RowScope::Worker(Worker::Sweep), async move |conn: &AsyncPgConnection| {
            sweep::sweep(conn, &cutoffs, limit).await
        });
        gone.await
    }
}
