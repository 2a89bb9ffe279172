//! The rule of refresh-token rotation.
//!
//! Tabs and retries race, so a token presented again within [`GRACE`] of its rotation, or while its successor has never
//! been used, is answered with the same successor. Presented after that it was stolen, by whoever came first or second: the
//! whole session ends (RFC 9700 section 4.14.2).

use std::time::Duration;

use super::{Session, TokenHash};
use crate::account::User;
use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;

/// How long after its rotation a token may be presented again.
pub const GRACE: Duration = Duration::from_secs(30);

/// A refresh token as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its id.
    pub id: TokenId,
    /// The session it belongs to.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Which of its session's it is; the first is 0.
    pub generation: u32,
    /// Its hash.
    pub hash: TokenHash,
    /// When it expires.
    pub expires_at: Stamp,
    /// When it was rotated, and to which.
    pub replaced: Option<(Stamp, TokenId)>,
}

/// The token that replaces a presented one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its id.
    pub id: TokenId,
    /// Its hash.
    pub hash: TokenHash,
    /// When it, and with it the session, expires.
    pub expires_at: Stamp,
}

/// What a store loads, under the session's lock, for a refresh to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshFacts {
    /// The token presented.
    pub token: RefreshToken,
    /// The token that replaced it, if any.
    pub successor: Option<RefreshToken>,
    /// Its session.
    pub session: Session,
    /// Its user.
    pub user: User,
}

/// What a store has to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// Insert the successor with the next generation, mark the token as replaced, extend and touch the session.
    Rotate,
    /// Touch the session; answer with the stored successor's hash.
    Repeat(TokenHash),
    /// End the session for reuse.
    Reused,
    /// Nothing: the token's time is over.
    Expired,
    /// Nothing: the session has ended.
    Ended,
    /// Nothing: the account is disabled.
    Disabled,
}

/// What became of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The session goes on with the token of this hash.
    Done {
        /// The user.
        user: Box<User>,
        /// The session.
        session: SessionId,
        /// The hash of the token to answer with.
        hash: TokenHash,
    },
    /// There is no such token.
    Unknown,
    /// Its time is over.
    Expired,
    /// Its session had ended.
    Ended,
    /// It was used again, and the session ended for it now.
    Reused(super::Revocation),
    /// The account is disabled.
    Disabled,
}

/// Judges a presented token.
#[must_use]
pub fn judge(facts: &RefreshFacts, now: Stamp) -> RefreshVerdict {
    if facts.session.ended.is_some() {
        return RefreshVerdict::Ended;
    }
    if !facts.user.is_active {
        return RefreshVerdict::Disabled;
    }
    match (facts.token.replaced, &facts.successor) {
        (Some((at, _)), Some(successor)) => {
            if now.since(at) <= GRACE || successor.replaced.is_none() {
                if successor.expires_at <= now {
                    return RefreshVerdict::Expired;
                }
                RefreshVerdict::Repeat(successor.hash)
            } else {
                RefreshVerdict::Reused
            }
        }
        (Some(_), None) => RefreshVerdict::Reused,
        (None, _) if facts.token.expires_at <= now => RefreshVerdict::Expired,
        (None, _) => RefreshVerdict::Rotate,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::session::{Device, EndReason};

    const NOW: Stamp = Stamp::EPOCH;

    fn token(generation: u32, replaced: Option<Stamp>) -> RefreshToken {
        RefreshToken {
            id: TokenId(Uuid::from_u128(u128::from(generation))),
            session: SessionId(Uuid::nil()),
            user: UserId(Uuid::nil()),
            generation,
            hash: TokenHash([u8::try_from(generation).expect("small"); 32]),
            expires_at: NOW.plus(Duration::from_secs(1000)),
            replaced: replaced.map(|at| (at, TokenId(Uuid::from_u128(u128::from(generation) + 1)))),
        }
    }

    fn facts(replaced: Option<Stamp>, successor: Option<RefreshToken>) -> RefreshFacts {
        RefreshFacts {
            token: token(0, replaced),
            successor,
            session: Session {
                id: SessionId(Uuid::nil()),
                user: UserId(Uuid::nil()),
                device: Device::default(),
                created_at: NOW,
                last_used_at: NOW,
                expires_at: NOW.plus(Duration::from_secs(1000)),
                ended: None,
            },
            user: User {
                id: UserId(Uuid::nil()),
                email: None,
                password: None,
                display_name: None,
                email_verified: false,
                is_active: true,
                created_at: NOW,
                last_login_at: None,
            },
        }
    }

    #[test]
    fn a_fresh_token_is_rotated_until_it_expires() {
        assert_eq!(judge(&facts(None, None), NOW), RefreshVerdict::Rotate);
        let late = NOW.plus(Duration::from_secs(1000));
        assert_eq!(judge(&facts(None, None), late), RefreshVerdict::Expired);
    }

    #[test]
    fn a_repeat_within_the_grace_gives_the_same_successor_even_when_that_was_used() {
        let used = facts(Some(NOW), Some(token(1, Some(NOW))));
        assert_eq!(judge(&used, NOW.plus(GRACE)), RefreshVerdict::Repeat(TokenHash([1; 32])));
        assert_eq!(judge(&used, NOW.plus(GRACE).next()), RefreshVerdict::Reused);
    }

    #[test]
    fn a_repeat_at_any_time_gives_a_successor_that_was_never_used() {
        let unused = facts(Some(NOW), Some(token(1, None)));
        let later = NOW.plus(Duration::from_mins(15));
        assert_eq!(judge(&unused, later), RefreshVerdict::Repeat(TokenHash([1; 32])));
    }

    #[test]
    fn an_ended_session_or_disabled_account_refreshes_nothing() {
        let mut ended = facts(None, None);
        ended.session.ended = Some((NOW, EndReason::Logout));
        assert_eq!(judge(&ended, NOW), RefreshVerdict::Ended);
        let mut disabled = facts(None, None);
        disabled.user.is_active = false;
        assert_eq!(judge(&disabled, NOW), RefreshVerdict::Disabled);
    }
}
