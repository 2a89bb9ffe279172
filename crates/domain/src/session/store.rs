//! The port to the store of sessions.

use async_trait::async_trait;

use super::refresh::RefreshFacts;
use super::{Device, Ending, NewSession, Revocation, RevocationFeed, Rotated, Session, Successor, TokenHash};
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::time::Stamp;
use crate::user::User;

/// A session that was opened, with the sessions that ended to make room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedSession {
    pub user: Box<User>,
    pub ended: Vec<Revocation>,
}

/// Why a session was not opened. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenRefusal {
    /// The user does not exist or is disabled.
    NoSuchUser,
    /// The user's password is no longer the one that was verified.
    PasswordChanged,
}

/// Stores sessions, their refresh tokens and the revocations. Each method is one transaction.
///
/// A method that ends a session MUST store its revocation in the same transaction.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Opens a session at `ending.at` and records the user's login. If more than `cap` sessions are
    /// then live, ends the ones opened first, as `ending` describes; expired sessions do not count.
    ///
    /// An implementation MUST call [`NewSession::check`] under the user's lock. A change of the password
    /// ends every session; no session that was opened with the old password may survive it.
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Result<OpenedSession, OpenRefusal>, StoreError>;

    /// The refresh token with this hash, and what belongs to it. A token's session and generation never
    /// change.
    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshFacts>, StoreError>;

    /// The user's live sessions at `now`, the last used first.
    async fn live(&self, user: UserId, now: Stamp) -> Result<Vec<Session>, StoreError>;

    /// Locks the session of the presented token, loads the facts, calls [`judge`](super::refresh::judge)
    /// and writes its verdict: `successor` for [`Rotate`](super::refresh::RefreshVerdict::Rotate), the end
    /// that `ending` describes for reuse. If calls with one token run at once, exactly one MUST rotate and
    /// the others repeat. The session takes the user agent and address of `device` and keeps its
    /// `client_id`.
    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Rotated, StoreError>;

    /// Records that the user's session was used at `now` from `device`; its `client_id` is kept. Does
    /// nothing if the session has ended.
    async fn touch(
        &self,
        user: UserId,
        session: SessionId,
        device: &Device,
        now: Stamp,
    ) -> Result<(), StoreError>;

    /// Ends one session. `None` if the user has no such session or it was ended before. An expired session
    /// is ended too, as its access tokens may outlive it.
    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError>;

    /// Ends every session of the user that was not ended before, expired or not, except `keep`.
    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// The revocations made at or after `since` (`None`: all) that are kept beyond `now`, and every
    /// disabled account, in one snapshot.
    async fn revocations(&self, since: Option<Stamp>, now: Stamp) -> Result<RevocationFeed, StoreError>;

    /// Deletes up to `limit` expired rows of each kind and returns their number: sessions and refresh
    /// tokens, one-time tokens, revocations past `until`, and emails that were sent or abandoned more than a
    /// week before `now`. A session is deleted after its tokens.
    ///
    /// A deleted session can no longer be ended, so `now` must lie in the past by the longest lifetime of
    /// an access token.
    async fn sweep(&self, now: Stamp, limit: u32) -> Result<u64, StoreError>;
}
