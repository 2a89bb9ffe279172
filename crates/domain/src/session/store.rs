//! The port to the store of sessions.

use std::time::Duration;

use async_trait::async_trait;

use super::refresh::RefreshFacts;
use super::{
    Device, Ending, FeedPosition, NewSession, OpenRefusal, Revocation, RevocationFeed, Rotated, Session,
    Successor, TokenHash,
};
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

/// The instants up to which expired rows of each kind are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutoffs {
    /// Refresh tokens that expired until then, and sessions without tokens that did.
    pub logins: Stamp,
    /// Sessions stay while an access token of theirs may be accepted after this instant.
    pub access: Stamp,
    /// One-time tokens that were used or expired until then.
    pub one_time_tokens: Stamp,
    /// Emails that were sent or abandoned before then.
    pub mails: Stamp,
    /// Revocations that are kept until then, and the replaced tokens of the sessions they ended.
    pub revocations: Stamp,
}

impl Cutoffs {
    /// How long an expired login is kept, so that its device learns that it has expired.
    pub const LOGINS: Duration = Duration::from_hours(7 * 24);
    /// How long an email is kept after it was sent or abandoned.
    pub const MAILS: Duration = Duration::from_hours(7 * 24);
    /// An allowance for the clocks of instances: rows that tokens depend on are kept for longer
    /// than this instance's clock requires.
    pub const CLOCKS: Duration = Duration::from_hours(1);

    /// The cutoffs at `now`.
    #[must_use]
    pub fn at(now: Stamp) -> Self {
        Self {
            logins: now.minus(Self::LOGINS),
            access: now.minus(Self::CLOCKS),
            one_time_tokens: now,
            mails: now.minus(Self::MAILS),
            revocations: now.minus(Self::CLOCKS),
        }
    }
}

/// Stores sessions, their refresh tokens and the revocations. Each method is one transaction.
///
/// A method that ends a session MUST store its revocation in the same transaction, and keep it
/// until no instance accepts an access token of the session, at least until `ending.until`. Each
/// method that issues tokens therefore records their `access_until` with the session; a later one
/// replaces an earlier one only.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Opens a session at `ending.at` and records the user's login. If more than `cap` sessions are
    /// then live, ends the ones opened first, as `ending` describes; expired sessions do not count.
    /// Of the user's ended sessions, the newest [`Session::ENDED_KEPT`] are kept, and up to
    /// [`Session::ENDED_REMOVED`] others deleted with their tokens; their revocations stay.
    ///
    /// An implementation MUST call [`NewSession::check`] under the user's lock, and store its
    /// answer as the session's `trusted_from`. A change of the password
    /// ends every session; no session that was opened with the old password may survive it.
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Result<OpenedSession, OpenRefusal>, StoreError>;

    /// The refresh token with this hash, and what belongs to it. A token's session and generation
    /// never change.
    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshFacts>, StoreError>;

    /// The newest token of the user's session, and what belongs to it.
    async fn newest(&self, user: UserId, session: SessionId) -> Result<Option<RefreshFacts>, StoreError>;

    /// The user's live sessions at `now`, the last used first.
    async fn live(&self, user: UserId, now: Stamp) -> Result<Vec<Session>, StoreError>;

    /// Locks the session of the presented token, loads the facts, calls
    /// [`judge`](super::refresh::judge) and writes its verdict: `successor` for
    /// [`Rotate`](super::refresh::RefreshVerdict::Rotate), the end that `ending` describes for
    /// reuse. If calls with one token run at once, exactly one MUST rotate and the others repeat.
    /// A rotation also deletes older tokens of the session that were replaced more than
    /// [`KEPT`](super::refresh::KEPT) ago, except those of versions whose tokens have no
    /// [`Location`](super::Location). The session takes the user agent and address of `device` and keeps its `client_id`.
    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Rotated, StoreError>;

    /// Records that the user's session was used at `now` from `device`; its `client_id` is kept. No
    /// access token of the session is accepted after `access_until`. Does nothing if the session
    /// has ended.
    async fn touch(
        &self,
        user: UserId,
        session: SessionId,
        device: &Device,
        now: Stamp,
        access_until: Stamp,
    ) -> Result<(), StoreError>;

    /// Ends one session. `None` if the user has no such session or it was ended before. An expired
    /// session is ended too, as its access tokens may outlive it.
    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError>;

    /// Ends every session of the user that was not ended before, expired or not, except `keep`, and
    /// voids the codes of logins at providers that were not exchanged yet.
    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// The revocations after the position `after` (`None`: all) that are kept beyond `now`, and
    /// every disabled account, in one snapshot.
    ///
    /// Positions MUST follow the order of commits: a revocation that a read does not see MUST get a
    /// greater position than every revocation that it sees. No clock matters for that.
    async fn revocations(
        &self,
        after: Option<FeedPosition>,
        now: Stamp,
    ) -> Result<RevocationFeed, StoreError>;

    /// Deletes up to `limit` rows of each kind that are past their cutoff, and returns their
    /// number. A session is deleted after its tokens, and only when no access token of it is
    /// accepted any longer: a deleted session can't be ended. A revocation takes the replaced tokens
    /// of its session along, and is deleted after them.
    async fn sweep(&self, cutoffs: &Cutoffs, limit: u32) -> Result<u64, StoreError>;
}
