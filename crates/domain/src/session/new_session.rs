//! Opening a session: what a login proved, and from when on it counts.

use std::time::Duration;

use super::{Device, TokenHash};
use crate::ids::{SessionId, TokenId};
use crate::time::Stamp;
use crate::user::{PasswordHash, User};

/// What a login proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing, because the account was created with the session.
    Registration,
    /// The password, by comparison with this hash.
    Password(PasswordHash),
    /// Control of the address, by a link in an email.
    Email,
    /// An identity at a provider.
    Identity { provider: String, subject: String },
}

/// The facts about an account that decide whether a session may be opened.
#[derive(Clone, Debug, Default)]
pub struct LoginFacts {
    pub user: Option<User>,
    /// When the identity of [`Proof::Identity`] was linked to the user; `None` if it is not linked.
    pub linked_at: Option<Stamp>,
}

/// Why a session was not opened. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenRefusal {
    /// The user does not exist or is disabled.
    NoSuchUser,
    /// The user's password is no longer the one that was verified.
    PasswordChanged,
    /// The identity is no longer linked to the user.
    Unlinked,
}

/// A session to be opened, with its first refresh token.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub device: Device,
    /// The id of the first refresh token.
    pub token: TokenId,
    /// The hash of the first refresh token.
    pub hash: TokenHash,
    /// When both the session and the token expire.
    pub expires_at: Stamp,
    /// When no instance accepts the session's first access token any longer.
    pub access_until: Stamp,
    pub proof: Proof,
}

impl NewSession {
    /// How long an identity, address or password proves nothing after it was linked, changed or
    /// reset. What the account was created with counts at once.
    pub const PROBATION: Duration = Duration::from_hours(24);

    /// Decides whether the session may be opened at `now`, from facts loaded under the user's lock.
    /// Returns when the login begins to count as a proof of identity: the session's
    /// [`trusted_from`](super::Session::trusted_from).
    pub fn check(&self, facts: &LoginFacts, now: Stamp) -> Result<Stamp, OpenRefusal> {
        let Some(user) = facts.user.as_ref().filter(|user| user.is_active) else {
            return Err(OpenRefusal::NoSuchUser);
        };
        let from = match &self.proof {
            Proof::Registration => None,
            Proof::Email => user.email_changed_at.map(|changed| changed.plus(Self::PROBATION)),
            Proof::Password(verified) if user.password.as_ref() != Some(verified) => {
                return Err(OpenRefusal::PasswordChanged);
            }
            Proof::Password(_) => Self::password_counts_from(user),
            Proof::Identity { .. } => match facts.linked_at {
                None => return Err(OpenRefusal::Unlinked),
                Some(linked_at) if linked_at == user.created_at => None,
                Some(linked_at) => Some(linked_at.plus(Self::PROBATION)),
            },
        };
        Ok(from.map_or(now, |from| now.max(from)))
    }

    /// From when on the user's password is a proof of identity; `None` if it was never reset. A
    /// change of a password that was reset does not end the wait: its proof was the reset.
    pub(crate) fn password_counts_from(user: &User) -> Option<Stamp> {
        user.password_reset_at.map(|reset| reset.plus(Self::PROBATION))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::UserId;

    const CREATED: Stamp = Stamp::EPOCH;
    const HOUR: Duration = Duration::from_hours(1);

    fn session(proof: Proof) -> NewSession {
        NewSession {
            id: SessionId(Uuid::nil()),
            device: Device::default(),
            token: TokenId(Uuid::nil()),
            hash: TokenHash([0; 32]),
            expires_at: Stamp::MAX,
            access_until: Stamp::MAX,
            proof,
        }
    }

    fn user() -> User {
        User {
            id: UserId(Uuid::nil()),
            email: None,
            password: Some(PasswordHash("hash".to_owned())),
            display_name: None,
            email_verified: true,
            is_active: true,
            created_at: CREATED,
            last_login_at: None,
            email_changed_at: None,
            password_reset_at: None,
        }
    }

    fn identity() -> Proof {
        Proof::Identity { provider: "acme".to_owned(), subject: "1".to_owned() }
    }

    #[test]
    fn a_login_with_what_is_new_proves_nothing_for_a_day() {
        let (changed, now) = (CREATED.plus(HOUR), CREATED.plus(HOUR * 2));
        let changed_user =
            User { email_changed_at: Some(changed), password_reset_at: Some(changed), ..user() };
        let password = || Proof::Password(PasswordHash("hash".to_owned()));
        for (proof, linked_at) in [(password(), None), (Proof::Email, None), (identity(), Some(changed))] {
            let facts = LoginFacts { user: Some(changed_user.clone()), linked_at };
            let day = changed.plus(NewSession::PROBATION);
            assert_eq!(session(proof.clone()).check(&facts, now), Ok(day), "{proof:?}");
            assert_eq!(session(proof.clone()).check(&facts, day.plus(HOUR)), Ok(day.plus(HOUR)), "{proof:?}");
            // What the account was created with counts at once.
            let facts = LoginFacts { user: Some(user()), linked_at: linked_at.map(|_| CREATED) };
            assert_eq!(session(proof.clone()).check(&facts, now), Ok(now), "{proof:?}");
        }
    }

    #[test]
    fn a_login_with_what_is_gone_opens_no_session() {
        let facts = LoginFacts { user: Some(user()), linked_at: None };
        let refused = |proof| session(proof).check(&facts, CREATED);
        assert_eq!(refused(identity()), Err(OpenRefusal::Unlinked));
        let old = Proof::Password(PasswordHash("old".to_owned()));
        assert_eq!(refused(old), Err(OpenRefusal::PasswordChanged));
    }
}
