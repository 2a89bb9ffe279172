//! [`SessionStore`] on SQLite.

mod rotate;
mod sweep;

use async_trait::async_trait;
use diesel::dsl::{max, not};
use diesel::prelude::*;
use domain::one_time::Purpose;
use domain::session::refresh::RefreshFacts;
use domain::session::{
    Cutoffs, Device, Ending, FeedPosition, NewSession, OpenRefusal, OpenedSession, Revocation,
    RevocationFeed, Rotated, Session, SessionStore, Successor, TokenHash,
};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::error::Failure;
use crate::readers::in_snapshot;
use crate::rows::{Id, RevocationRow, SessionRow, convert_all};
use crate::schema::{revoked_tokens, sessions, users};
use crate::store::SqliteStore;
use crate::tables;

use self::rotate::{Use, find, newest, rotate, touch};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Result<OpenedSession, OpenRefusal>, StoreError> {
        self.write(move |conn| tables::sessions::open(conn, user, &session, cap, ending)).await
    }

    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshFacts>, StoreError> {
        let hash = *hash;
        self.read(move |conn| in_snapshot(conn, |conn| find(conn, hash))).await
    }

    async fn newest(&self, user: UserId, session: SessionId) -> Result<Option<RefreshFacts>, StoreError> {
        self.read(move |conn| in_snapshot(conn, |conn| newest(conn, user, session))).await
    }

    async fn live(&self, user: UserId, now: Stamp) -> Result<Vec<Session>, StoreError> {
        self.read_of(user, false, move |conn| {
            let rows = sessions::table
                .filter(sessions::user_id.eq(Id::from(user)))
                .filter(sessions::revoked_at.is_null())
                .filter(sessions::expires_at.gt(now.as_micros()))
                .order((sessions::last_used_at.desc(), sessions::id.desc()))
                .select(SessionRow::as_select())
                .load(conn)?;
            Ok(convert_all(rows)?)
        })
        .await
    }

    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Rotated, StoreError> {
        let (presented, device) = (*presented, device.clone());
        self.write(move |conn| rotate(conn, presented, successor, &device, ending)).await
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
        let usage = Use::new(now, access_until);
        self.write(move |conn| Ok(touch(conn, user, session, &device, usage)?)).await
    }

    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError> {
        self.write(move |conn| Ok(tables::sessions::end(conn, user, &[session], ending)?.pop())).await
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError> {
        self.write(move |conn| {
            tables::one_time_tokens::invalidate(conn, user, Purpose::OAuthHandOff, ending.at)?;
            tables::sessions::end_all(conn, user, keep, ending)
        })
        .await
    }

    async fn revocations(
        &self,
        after: Option<FeedPosition>,
        now: Stamp,
    ) -> Result<RevocationFeed, StoreError> {
        self.read(move |conn| in_snapshot(conn, |conn| revocations(conn, after, now))).await
    }

    async fn sweep(&self, cutoffs: &Cutoffs, limit: u32) -> Result<u64, StoreError> {
        let cutoffs = *cutoffs;
        let swept = self.write(move |conn| sweep::sweep(conn, &cutoffs, limit)).await?;
        self.erase_deleted().await?;
        Ok(swept)
    }
}

fn revocations(
    conn: &mut SqliteConnection,
    after: Option<FeedPosition>,
    now: Stamp,
) -> Result<RevocationFeed, Failure> {
    let after = after.unwrap_or_default();
    let rows = revoked_tokens::table
        .filter(revoked_tokens::id.gt(after.0))
        .filter(revoked_tokens::jti.is_null())
        .select(RevocationRow::as_select())
        .load(conn)?;
    let last: Option<i64> = revoked_tokens::table.select(max(revoked_tokens::id)).first(conn)?;
    let mut revocations: Vec<Revocation> = convert_all(rows)?;
    // Filtered here, because the statement would use the index on `expires_at` and read every kept
    // row.
    revocations.retain(|revocation| revocation.until > now);
    // Negated instead of compared with a bound value: only then does SQLite use the index of
    // disabled users.
    let disabled: Vec<Id> = users::table.filter(not(users::is_active)).select(users::id).load(conn)?;
    let disabled = disabled.into_iter().map(|id| UserId(id.0)).collect();
    let position = last.map_or(after, |last| after.max(FeedPosition(last)));
    // The file has no clock but this machine's.
    Ok(RevocationFeed { revocations, disabled, position, database_time: None })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use domain::identity::IdentityStore as _;
    use domain_testkit::RecordingBus;
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::*;
    use crate::store::OpenOptions;

    #[tokio::test]
    async fn a_list_of_devices_takes_the_users_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("todos.db");
        crate::migrate(&path).expect("migrates");
        let store = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new()))).expect("opens");
        let [ann, bob] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        let (entered, inside) = mpsc::channel();
        let (open, opened) = mpsc::channel::<()>();
        let mut endless = pin!(store.read_of(ann, false, move |_| {
            entered.send(()).expect("the test waits");
            opened.recv().expect("the test opens");
            Ok(())
        }));
        assert!(timeout(Duration::ZERO, &mut endless).await.is_err());
        inside.recv().expect("is inside");
        assert_eq!(store.live(bob, Stamp::EPOCH).await.expect("a reader is free"), []);
        let mut devices = pin!(store.live(ann, Stamp::EPOCH));
        let mut providers = pin!(store.providers(ann));
        assert!(timeout(Duration::from_millis(50), &mut devices).await.is_err(), "it waits for its turn");
        assert!(timeout(Duration::from_millis(50), &mut providers).await.is_err(), "so do the providers");
        open.send(()).expect("the read waits");
        endless.await.expect("reads");
        assert_eq!(devices.await.expect("reads"), []);
        assert_eq!(providers.await.expect("reads"), [""; 0]);
    }
}
