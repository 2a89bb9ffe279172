//! The port to where sessions are kept.

use async_trait::async_trait;

use super::refresh::RefreshFacts;
use super::{
    Device, Ending, NewSession, Refreshed, Revocation, RevocationNews, Session, Successor, TokenHash,
};
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::time::Stamp;

/// What became of a session to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is open, and these ended to make room for it.
    Done(Vec<Revocation>),
    /// There is no such user, or it is disabled.
    NoSuchUser,
    /// The password is not the one that was proved any more; nothing was written.
    PasswordChanged,
}

/// Keeps sessions, their refresh tokens and the revocations. Each method is one transaction.
///
/// Whatever ends a session MUST store its revocation in the same transaction.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Opens a session at `ending.at`, marks the user's login, and ends the earliest opened ones beyond `cap` as `ending` says;
    /// those that expired count for nothing. Where a password was [proved](NewSession::proved), it has to be the user's still: a change
    /// of the password ends every session, and MUST NOT be outlived by one that was opened on the password before.
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Opened, StoreError>;

    /// The refresh token with this hash, and what belongs to it. Its session and generation never change.
    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshFacts>, StoreError>;

    /// The user's live sessions at `now`, the last used first.
    async fn live(&self, user: UserId, now: Stamp) -> Result<Vec<Session>, StoreError>;

    /// Locks the session of the token presented, loads, calls [`judge`](super::refresh::judge), and writes what it says:
    /// with `successor` for [`Rotate`](super::refresh::RefreshVerdict::Rotate), as `ending` says for reuse. Of any number at once
    /// one MUST rotate and the others repeat. `device` is where the session was last seen; its `client_id` is kept.
    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Refreshed, StoreError>;

    /// Notes that the user's session was used at `now`, and from where; its `client_id` is kept. One that ended stays as it is.
    async fn touch(
        &self,
        user: UserId,
        session: SessionId,
        device: &Device,
        now: Stamp,
    ) -> Result<(), StoreError>;

    /// Ends the user's session; `None` where it has none such that has not ended. One that expired is ended too: access tokens
    /// that it gave out may live longer.
    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError>;

    /// Ends every session of the user that has not ended, expired or not, but `keep`.
    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// The revocations made at or after `since` (`None`: ever) that are kept beyond `now`, and every disabled account, of one
    /// snapshot.
    async fn revocations(&self, since: Option<Stamp>, now: Stamp) -> Result<RevocationNews, StoreError>;

    /// Removes up to `limit` rows of each kind that are of no more use at `now`: sessions and refresh tokens past their end,
    /// one-time tokens past theirs, revocations past `until`, mails sent or given up more than a week ago. A session goes after its
    /// tokens. How many rows went.
    ///
    /// A session that is gone can't be ended any more: `now` has to lie back by the longest life of an access token.
    async fn sweep(&self, now: Stamp, limit: u32) -> Result<u64, StoreError>;
}
