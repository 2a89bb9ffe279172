//! Logging in with a password, under two rate limits.

use std::net::IpAddr;

use super::AccountService;
use crate::error::StoreError;
use crate::limits::{Charge, LimitKey, network};
use crate::session::{Device, Login, OpenRefusal, Proof};
use crate::user::{Email, HasherError, NewPassword, PasswordHash, User, Verified, verify};

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
    /// Too many earlier logins failed.
    Limited(Charge),
    Hasher(HasherError),
}

impl AccountService {
    /// Opens a session if the password is right.
    ///
    /// Each attempt is charged to the network and the account before the password is compared, and
    /// refunded if the login succeeds, or if the hasher or the store fails. Therefore concurrent
    /// attempts can't exceed the limit.
    pub async fn log_in(&self, credentials: Credentials, device: Device) -> Result<LoginOutcome, StoreError> {
        if !self.policy.passwords {
            return Ok(LoginOutcome::PasswordsOff);
        }
        let (now, keys) = (self.now(), limit_keys(&credentials.email, device.ip));
        if let Err(charge) = self.ports.limits.charge_all(&keys, now).await {
            return Ok(LoginOutcome::Limited(charge));
        }
        let outcome = self.verify_and_open(credentials, device).await;
        if !matches!(outcome, Ok(LoginOutcome::Wrong)) {
            self.ports.limits.refund_all(&keys, now).await;
        }
        outcome
    }

    /// Retries if the hash changes between the comparison and the opening of the session: another
    /// login may have rehashed the same password, which is then still right.
    async fn verify_and_open(
        &self,
        credentials: Credentials,
        device: Device,
    ) -> Result<LoginOutcome, StoreError> {
        for _ in 0..ATTEMPTS {
            let user = self.ports.accounts.by_email(&credentials.email).await?;
            let hash = user.as_ref().and_then(|user| user.password.clone());
            let answer = match verify(&*self.ports.hasher, &credentials.password, hash.clone()).await {
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
                verified = self.rehash(&user, verified, &credentials.password).await?;
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
    ) -> Result<PasswordHash, StoreError> {
        let password = NewPassword::verified(password);
        let Ok(new) = self.ports.hasher.hash(password).await else { return Ok(old) };
        self.ports.accounts.rehash(user.id, &old, new.clone()).await?;
        Ok(new)
    }
}

fn limit_keys(email: &Email, ip: Option<IpAddr>) -> Vec<LimitKey> {
    let from = ip.map(|ip| LimitKey::LoginFrom(network(ip)));
    from.into_iter().chain([LimitKey::LoginTo(email.key().to_owned())]).collect()
}
