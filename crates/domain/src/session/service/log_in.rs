//! Logging in with a password, under two rate limits.

use std::net::IpAddr;

use super::{LoggedIn, Opening, SessionService};
use crate::account::{Email, HasherError, NewPassword, PasswordHash, User, Verified};
use crate::error::StoreError;
use crate::limits::{Charge, LimitKey, Quota, network};
use crate::session::Device;
use crate::time::Stamp;

/// How often a password is proved anew for one login when it keeps changing under it.
const ATTEMPTS: u32 = 3;

/// What a user offers to log in.
#[derive(Clone)]
pub struct Credentials {
    /// The account's address.
    pub email: Email,
    /// The password in clear.
    pub password: String,
}

/// What became of a login.
#[derive(Debug)]
pub enum LogIn {
    /// It succeeded.
    Done(LoggedIn),
    /// Unknown email or wrong password.
    Wrong,
    /// Right, but the account is disabled.
    Disabled,
    /// Too many failed before.
    Limited(Charge),
    /// The hasher could not answer.
    Hasher(HasherError),
}

impl SessionService {
    /// Opens a session for whoever proves the password.
    ///
    /// Each attempt is charged to the address and to the account before the password is looked at, and given back when it was
    /// right or could not be answered: concurrent attempts can't slip through.
    pub async fn log_in(&self, credentials: Credentials, device: Device) -> Result<LogIn, StoreError> {
        let now = self.parts.clock.now();
        let charged = match self.charge(&credentials.email, device.ip, now).await {
            Ok(charged) => charged,
            Err(charge) => return Ok(LogIn::Limited(charge)),
        };
        let answer = self.prove_and_open(credentials, device, now).await;
        if !matches!(answer, Ok(LogIn::Wrong)) {
            for (key, quota) in &charged {
                self.parts.limiter.give_back(key, *quota, now).await;
            }
        }
        answer
    }

    async fn charge(
        &self,
        email: &Email,
        ip: Option<IpAddr>,
        now: Stamp,
    ) -> Result<Vec<(LimitKey, Quota)>, Charge> {
        let Some(quotas) = self.defence.quotas else {
            return Ok(Vec::new());
        };
        let from = ip.map(|ip| (LimitKey::LoginFrom(network(ip)), quotas.login_from));
        let to = (LimitKey::LoginTo(email.key().to_owned()), quotas.login_to);
        let mut charged = Vec::new();
        for (key, quota) in from.into_iter().chain([to]) {
            if let Err(charge) = self.parts.limiter.charge(&key, quota, now).await.granted() {
                for (key, quota) in &charged {
                    self.parts.limiter.give_back(key, *quota, now).await;
                }
                return Err(charge);
            }
            charged.push((key, quota));
        }
        Ok(charged)
    }

    /// Begins again when the password changes between its proof and the opening of the session: another login may have raised the cost
    /// of the same password's hash, and then it is still right.
    async fn prove_and_open(
        &self,
        credentials: Credentials,
        device: Device,
        now: Stamp,
    ) -> Result<LogIn, StoreError> {
        for _ in 0..ATTEMPTS {
            let user = self.parts.accounts.by_email(&credentials.email).await?;
            let hash = user.as_ref().and_then(|user| user.password.clone());
            let verified = match self.parts.hasher.verify(&credentials.password, hash.clone()).await {
                Ok(verified) => verified,
                Err(error) => return Ok(LogIn::Hasher(error)),
            };
            let (Some(user), Some(mut proved)) = (user.filter(|_| verified != Verified::Wrong), hash) else {
                return Ok(LogIn::Wrong);
            };
            if !user.is_active {
                return Ok(LogIn::Disabled);
            }
            if verified == Verified::RightButWeak {
                proved = self.rehash(&user, proved, &credentials.password).await?;
            }
            match self.open(user, Some(proved), device.clone(), now).await? {
                Opening::Done(logged_in) => return Ok(LogIn::Done(logged_in)),
                Opening::NoSuchUser => return Ok(LogIn::Disabled),
                Opening::PasswordChanged => {}
            }
        }
        Ok(LogIn::Wrong)
    }

    /// Raises the cost of a hash while the password is at hand, and gives the hash that stands then. That it can't be done now is no
    /// reason to refuse the login.
    async fn rehash(
        &self,
        user: &User,
        old: PasswordHash,
        password: &str,
    ) -> Result<PasswordHash, StoreError> {
        let proved = NewPassword::proved(password);
        let Ok(new) = self.parts.hasher.hash(proved).await else { return Ok(old) };
        self.parts.accounts.rehash(user.id, &old, new.clone()).await?;
        Ok(new)
    }
}
