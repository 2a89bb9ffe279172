//! The password as a proof from within a session: for what a stolen access token must not be enough.

use super::AccountService;
use crate::account::{HasherError, PasswordHash, Verified};
use crate::ids::UserId;
use crate::limits::{Charge, LimitKey};

/// Why a password offered is no proof.
#[derive(Debug)]
pub enum Unproved {
    /// None was offered.
    Missing,
    /// It is another.
    Wrong,
    /// Too many were wrong before.
    Limited(Charge),
    /// The hasher could not answer.
    Hasher(HasherError),
}

impl AccountService {
    /// Compares a password that a logged-in request offers with the user's.
    ///
    /// Wrong ones are limited by account as failed logins are: each attempt is charged before the password is looked at, and given back when
    /// it was right or could not be answered.
    pub(super) async fn prove(
        &self,
        user: UserId,
        password: Option<&str>,
        hash: PasswordHash,
    ) -> Result<(), Unproved> {
        let Some(password) = password else { return Err(Unproved::Missing) };
        let (key, now) = (LimitKey::ProofOf(user), self.now());
        let quota = self.parts.quotas.map(|quotas| quotas.login_to);
        if let Some(quota) = quota {
            self.limiter.charge(&key, quota, now).await.granted().map_err(Unproved::Limited)?;
        }
        let answer = match self.hasher.verify(password, Some(hash)).await {
            Ok(Verified::Right | Verified::RightButWeak) => Ok(()),
            Ok(Verified::Wrong) => return Err(Unproved::Wrong),
            Err(error) => Err(Unproved::Hasher(error)),
        };
        if let Some(quota) = quota {
            self.limiter.give_back(&key, quota, now).await;
        }
        answer
    }
}
