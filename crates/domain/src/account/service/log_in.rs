//! Logging in with a password, under rate limits.

use super::AccountService;
use super::attempt::Verdict;
use crate::error::StoreError;
use crate::limits::{Charge, LimitKey};
use crate::session::{Device, Login, OpenRefusal, Proof};
use crate::user::{Email, HashedFor, HasherError, NewPassword, PasswordHash, User, Verified, verify};

/// The maximum number of times that one login verifies the password while the stored hash keeps
/// changing.
const ATTEMPTS: u32 = 3;

/// The credentials of a login.
#[derive(Clone)]
pub struct Credentials {
    pub email: Email,
    /// The password in plain text.
    pub password: String,
}

/// The outcome of a login.
#[derive(Debug)]
pub enum LoginOutcome {
    Done(Login),
    /// The address is unknown or the password is wrong.
    Wrong,
    /// The operator has turned passwords off.
    PasswordsOff,
    /// The password is right, and the account is disabled.
    Disabled,
    /// Too many earlier logins failed, or the account logged in too often.
    Limited(Charge),
    Hasher(HasherError),
}

impl AccountService {
    /// Opens a session if the password is right.
    ///
    /// Each attempt is charged before the password is compared, to the limits of wrong passwords
    /// and to that of right ones, and refunded to those that it turns out not to count for.
    /// Therefore concurrent attempts can't exceed a limit.
    pub async fn log_in(&self, credentials: Credentials, device: Device) -> Result<LoginOutcome, StoreError> {
        if !self.policy.passwords {
            return Ok(LoginOutcome::PasswordsOff);
        }
        let on_behalf = HashedFor::address(&credentials.email, device.ip);
        let from = on_behalf.network.map(LimitKey::LoginFrom);
        let wrong = from.into_iter().chain([LimitKey::LoginTo(on_behalf.account.clone())]).collect();
        let attempt = match self.begin_attempt(wrong, &on_behalf).await {
            Ok(attempt) => attempt,
            Err(charge) => return Ok(LoginOutcome::Limited(charge)),
        };
        let outcome = self.verify_and_open(credentials, device, &on_behalf).await;
        attempt.end(verdict(&outcome)).await;
        outcome
    }

    /// Retries if the hash changes between the comparison and the opening of the session: another
    /// login may have rehashed the same password, which is then still right.
    async fn verify_and_open(
        &self,
        credentials: Credentials,
        device: Device,
        on_behalf: &HashedFor,
    ) -> Result<LoginOutcome, StoreError> {
        for _ in 0..ATTEMPTS {
            let user = self.ports.accounts.by_email(&credentials.email).await?;
            let hash = user.as_ref().and_then(|user| user.password.clone());
            let verified = verify(&*self.ports.hasher, &credentials.password, hash.clone(), on_behalf).await;
            let answer = match verified {
                Ok(answer) => answer,
                Err(error) => return Ok(LoginOutcome::Hasher(error)),
            };
            let (Some(user), Some(mut verified)) = (user.filter(|_| answer != Verified::Incorrect), hash)
            else {
                return Ok(LoginOutcome::Wrong);
            };
            if !user.is_active {
                return Ok(LoginOutcome::Disabled);
            }
            if answer == Verified::NeedsRehash {
                verified = self.rehash(&user, verified, &credentials.password, on_behalf).await?;
            }
            match self.sessions.open(user.id, Proof::Password(verified), device.clone()).await? {
                Ok(login) => return Ok(LoginOutcome::Done(login)),
                Err(OpenRefusal::NoSuchUser) => return Ok(LoginOutcome::Disabled),
                Err(OpenRefusal::PasswordChanged | OpenRefusal::Unlinked) => {}
            }
        }
        Ok(LoginOutcome::Wrong)
    }

    /// Rehashes the password at the configured cost, and returns the hash that is stored
    /// afterwards. If rehashing fails, the login still succeeds.
    async fn rehash(
        &self,
        user: &User,
        old: PasswordHash,
        password: &str,
        on_behalf: &HashedFor,
    ) -> Result<PasswordHash, StoreError> {
        let password = NewPassword::verified(password);
        let Ok(new) = self.ports.hasher.hash(password, on_behalf).await else { return Ok(old) };
        self.ports.accounts.rehash(user.id, &old, new.clone()).await?;
        Ok(new)
    }
}

const fn verdict(outcome: &Result<LoginOutcome, StoreError>) -> Verdict {
    match outcome {
        Ok(LoginOutcome::Done(_) | LoginOutcome::Disabled) => Verdict::Right,
        Ok(LoginOutcome::Wrong) => Verdict::Wrong,
        Ok(LoginOutcome::PasswordsOff | LoginOutcome::Limited(_) | LoginOutcome::Hasher(_)) | Err(_) => {
            Verdict::Unknown
        }
    }
}
