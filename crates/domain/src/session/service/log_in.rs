//! Logging in with a password, under two rate limits.

use std::net::IpAddr;

use super::{LoggedIn, SessionService};
use crate::account::{Email, HasherError, NewPassword, PasswordHash, User, Verified};
use crate::error::StoreError;
use crate::limits::{Charge, LimitKey, Quota, network};
use crate::session::{Device, EndReason};
use crate::time::Stamp;

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
            let charge = self.parts.limiter.charge(&key, quota, now).await;
            if !charge.allowed {
                for (key, quota) in &charged {
                    self.parts.limiter.give_back(key, *quota, now).await;
                }
                return Err(charge);
            }
            charged.push((key, quota));
        }
        Ok(charged)
    }

    async fn prove_and_open(
        &self,
        credentials: Credentials,
        device: Device,
        now: Stamp,
    ) -> Result<LogIn, StoreError> {
        let user = self.parts.accounts.by_email(&credentials.email).await?;
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let verified = match self.parts.hasher.verify(&credentials.password, hash.clone()).await {
            Ok(verified) => verified,
            Err(error) => return Ok(LogIn::Hasher(error)),
        };
        let Some(user) = user.filter(|_| verified != Verified::Wrong) else {
            return Ok(LogIn::Wrong);
        };
        if !user.is_active {
            return Ok(LogIn::Disabled);
        }
        if let (Verified::RightButWeak, Some(old)) = (verified, &hash) {
            self.rehash(&user, old, &credentials.password).await?;
        }
        let Some(logged_in) = self.open(user, device, now).await? else {
            return Ok(LogIn::Disabled);
        };
        self.prove_again(logged_in, hash, &credentials.password).await
    }

    /// Gives the tokens of a session that was just opened to whoever proved `proved`, unless the password was changed between
    /// that and the opening: that change ended every session but could not see this one. One that comes later sees it.
    async fn prove_again(
        &self,
        logged_in: LoggedIn,
        proved: Option<PasswordHash>,
        password: &str,
    ) -> Result<LogIn, StoreError> {
        let user = logged_in.user.id;
        let current = self.parts.accounts.by_id(user).await?.and_then(|user| user.password);
        if current == proved {
            return Ok(LogIn::Done(logged_in));
        }
        // Perhaps the same password under a hash of higher cost.
        let refused = match self.parts.hasher.verify(password, current).await {
            Ok(Verified::Right | Verified::RightButWeak) => return Ok(LogIn::Done(logged_in)),
            Ok(Verified::Wrong) => LogIn::Wrong,
            Err(error) => LogIn::Hasher(error),
        };
        let ending = self.ending(EndReason::PasswordChange, self.parts.clock.now());
        let ended = self.parts.sessions.end(user, logged_in.tokens.session, ending).await?;
        self.parts.revocations.add(ended.as_slice());
        Ok(refused)
    }

    /// Raises the cost of a hash while the password is at hand. That it can't be done now is no reason to refuse the login.
    async fn rehash(&self, user: &User, old: &PasswordHash, password: &str) -> Result<(), StoreError> {
        let proved = NewPassword::proved(password);
        if let Ok(new) = self.parts.hasher.hash(proved).await {
            self.parts.accounts.rehash(user.id, old, new).await?;
        }
        Ok(())
    }
}
