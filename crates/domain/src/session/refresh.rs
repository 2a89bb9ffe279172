//! The rule of refresh-token rotation.
//!
//! Browser tabs and retries race. So a token that is presented again within [`GRACE`] of its
//! rotation is answered with the same successor. A response may also be lost, on a train for
//! instance: while the successor was never used, the session answers a later repeat once in
//! [`LATE_REPEATS`]. Any other repeat means that two clients have the token, and the whole session
//! ends (RFC 9700 section 4.14.2). A thief who presents each token after its owner is therefore
//! found at the second attempt.
//!
//! A store keeps a replaced token for [`KEPT`] only. A token says which one it is
//! ([`Location`](super::Location)), so its reuse ends the session after that as well.

use std::time::Duration;

use super::{Revocation, Session, TokenHash};
use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;
use crate::user::User;

/// How long after its rotation a token may be presented again.
pub const GRACE: Duration = Duration::from_secs(30);

/// A session answers a repeat after [`GRACE`] once in this time. Repeats within [`GRACE`] of one
/// another are one.
pub const LATE_REPEATS: Duration = Duration::from_hours(7 * 24);

/// How long a token is kept after its rotation: longer than [`GRACE`] on the clock of every
/// instance. Its successor is kept too, so a token whose successor was never used is.
pub const KEPT: Duration = Duration::from_mins(15);

/// A refresh token in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    pub id: TokenId,
    pub session: SessionId,
    pub user: UserId,
    /// The position in the session's sequence of tokens; the first is 0.
    pub generation: u32,
    pub hash: TokenHash,
    pub expires_at: Stamp,
    /// When the token was rotated, and the id of its successor.
    pub replaced: Option<(Stamp, TokenId)>,
}

/// The token that may replace a presented one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor {
    pub id: TokenId,
    pub hash: TokenHash,
    /// When the token and its session expire.
    pub expires_at: Stamp,
    /// When no instance accepts the access token that comes with it any longer.
    pub access_until: Stamp,
}

/// The facts that a store loads under the session's lock to judge a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshFacts {
    /// The presented token.
    pub token: RefreshToken,
    /// The token that replaced it.
    pub successor: Option<RefreshToken>,
    pub session: Session,
    pub user: User,
}

/// What a store must write for a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// Insert the successor with the next generation, mark the token as replaced, extend and touch
    /// the session.
    Rotate,
    /// Touch the session, and answer with the stored successor.
    Repeat {
        hash: TokenHash,
        /// Whether to record the time as the session's late repeat.
        late: bool,
    },
    /// End the session because of reuse.
    Reused,
    /// Write nothing: the token has expired.
    Expired,
    /// Write nothing: the session has ended.
    Ended,
    /// Write nothing: the account is disabled.
    Disabled,
}

/// What a token means that the store has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// The session has gone on with a later one, so it must end.
    Reused,
    /// The session has ended.
    Ended,
    /// The account is disabled.
    Disabled,
    /// It was issued after the backup from which the database was restored.
    Unknown,
}

/// The outcome of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    Done {
        user: Box<User>,
        session: SessionId,
        /// The hash of the token to answer with: the new successor or the stored one.
        hash: TokenHash,
    },
    /// The token does not exist.
    Unknown,
    Expired,
    /// The session had ended before.
    Ended,
    /// The token was reused, and the session has ended because of it.
    Reused(Revocation),
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
            let late = now.since(at) > GRACE;
            if late && (successor.replaced.is_some() || !may_repeat_late(&facts.session, now)) {
                RefreshVerdict::Reused
            } else if successor.expires_at <= now {
                RefreshVerdict::Expired
            } else {
                let first = facts.session.late_repeat_at.is_none_or(|last| now.since(last) > GRACE);
                RefreshVerdict::Repeat { hash: successor.hash, late: late && first }
            }
        }
        (Some(_), None) => RefreshVerdict::Reused,
        (None, _) if facts.token.expires_at <= now => RefreshVerdict::Expired,
        (None, _) => RefreshVerdict::Rotate,
    }
}

/// Judges a forgotten token of this generation, from the facts about its session's newest token.
#[must_use]
pub const fn judge_forgotten(newest: &RefreshFacts, generation: u32) -> Forgotten {
    if newest.session.ended.is_some() {
        Forgotten::Ended
    } else if !newest.user.is_active {
        Forgotten::Disabled
    } else if generation < newest.token.generation {
        Forgotten::Reused
    } else {
        Forgotten::Unknown
    }
}

fn may_repeat_late(session: &Session, now: Stamp) -> bool {
    session.late_repeat_at.is_none_or(|last| {
        let age = now.since(last);
        age <= GRACE || age >= LATE_REPEATS
    })
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
                late_repeat_at: None,
                trusted_from: NOW,
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
                email_changed_at: None,
                password_reset_at: None,
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
    fn a_repeat_within_the_grace_period_returns_the_same_successor_even_if_that_was_used() {
        let used = facts(Some(NOW), Some(token(1, Some(NOW))));
        assert_eq!(judge(&used, NOW.plus(GRACE)), repeat(false));
        assert_eq!(judge(&used, NOW.plus(GRACE).next()), RefreshVerdict::Reused);
    }

    fn repeat(late: bool) -> RefreshVerdict {
        RefreshVerdict::Repeat { hash: TokenHash([1; 32]), late }
    }

    #[test]
    fn a_late_repeat_returns_a_successor_that_was_never_used_once_in_seven_days() {
        let mut facts = facts(Some(NOW), Some(token(1, None)));
        facts.successor.as_mut().expect("a successor").expires_at = NOW.plus(LATE_REPEATS * 9);
        let first = NOW.plus(Duration::from_mins(15));
        assert_eq!(judge(&facts, first), repeat(true));
        facts.session.late_repeat_at = Some(first);
        assert_eq!(judge(&facts, first.plus(GRACE)), repeat(false), "presentations at one time are one");
        assert_eq!(judge(&facts, first.plus(GRACE).next()), RefreshVerdict::Reused);
        let week = first.plus(LATE_REPEATS);
        assert_eq!(judge(&facts, week.minus(Duration::from_micros(1))), RefreshVerdict::Reused);
        assert_eq!(judge(&facts, week), repeat(true));
    }

    #[test]
    fn a_forgotten_token_older_than_the_newest_was_reused() {
        let mut newest = facts(None, None);
        newest.token = token(5, None);
        assert_eq!(judge_forgotten(&newest, 4), Forgotten::Reused);
        assert_eq!(judge_forgotten(&newest, 5), Forgotten::Unknown);
        assert_eq!(judge_forgotten(&newest, 6), Forgotten::Unknown);
        newest.user.is_active = false;
        assert_eq!(judge_forgotten(&newest, 4), Forgotten::Disabled);
        newest.session.ended = Some((NOW, EndReason::Logout));
        assert_eq!(judge_forgotten(&newest, 4), Forgotten::Ended);
    }

    #[test]
    fn a_token_of_an_ended_session_or_a_disabled_account_is_not_rotated() {
        let mut ended = facts(None, None);
        ended.session.ended = Some((NOW, EndReason::Logout));
        assert_eq!(judge(&ended, NOW), RefreshVerdict::Ended);
        let mut disabled = facts(None, None);
        disabled.user.is_active = false;
        assert_eq!(judge(&disabled, NOW), RefreshVerdict::Disabled);
    }
}
