//! The use cases of sessions: log in, refresh, log out, and letting a request in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{
    AccessToken, AccessTokens, AuthFailure, Device, EndReason, Ending, Grant, NewSession, Opened, Principal,
    RefreshSecret, RefreshSecrets, Refreshed, Revocations, SessionStore, Standing, Successor,
};
use crate::account::{
    AccountStore, Email, HasherError, NewPassword, PasswordHash, PasswordHasher, User, Verified,
};
use crate::error::StoreError;
use crate::ids::{SessionId, TokenId};
use crate::limits::{Charge, LimitKey, Quota, Quotas, RateLimiter, network};
use crate::secret::SecretSource;
use crate::time::{Clock, Stamp};

/// How long tokens live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token of the surface that asks.
    pub access: Duration,
    /// The longest-lived access token of any surface: how long a revocation is kept.
    pub longest_access: Duration,
    /// A refresh token, and a session that is not refreshed.
    pub refresh: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let days = |n: u64| Duration::from_hours(n * 24);
        Self { access: Duration::from_mins(15), longest_access: days(7), refresh: days(7) }
    }
}

/// What a user offers to log in.
#[derive(Clone)]
pub struct Credentials {
    /// The account's address.
    pub email: Email,
    /// The password in clear.
    pub password: String,
}

/// The tokens of a session.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For requests.
    pub access: AccessToken,
    /// For the next tokens.
    pub refresh: RefreshSecret,
    /// How long the access token lives.
    pub expires_in: Duration,
    /// The session.
    pub session: SessionId,
}

/// A user with the tokens of a session.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The user.
    pub user: Box<User>,
    /// The tokens.
    pub tokens: Tokens,
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

/// What became of a refresh.
#[derive(Debug)]
pub enum Refresh {
    /// It succeeded.
    Done(LoggedIn),
    /// There is no such token.
    Unknown,
    /// Its time is over.
    Expired,
    /// Its session has ended, perhaps by this very use.
    Ended,
    /// The account is disabled.
    Disabled,
}

/// The ports a [`SessionService`] works with.
#[derive(Clone)]
pub struct SessionParts {
    /// Where users are kept.
    pub accounts: Arc<dyn AccountStore>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionStore>,
    /// The list of what ended.
    pub revocations: Arc<Revocations>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Signs access tokens.
    pub access: Arc<dyn AccessTokens>,
    /// Derives refresh tokens.
    pub refresh: Arc<dyn RefreshSecrets>,
    /// Counts failed logins.
    pub limiter: Arc<dyn RateLimiter>,
    /// Makes ids.
    pub secrets: Arc<dyn SecretSource>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// How logins are defended.
#[derive(Clone, Copy, Debug)]
pub struct LoginDefence {
    /// The quotas; `None` counts nothing.
    pub quotas: Option<Quotas>,
    /// The most live sessions of a user.
    pub session_cap: u32,
}

/// Opens, continues and ends sessions.
#[derive(Clone)]
pub struct SessionService {
    parts: SessionParts,
    lifetimes: Lifetimes,
    defence: LoginDefence,
}

impl SessionService {
    /// A service over `parts`.
    #[must_use]
    pub fn new(parts: SessionParts, lifetimes: Lifetimes, defence: LoginDefence) -> Self {
        Self { parts, lifetimes, defence }
    }

    /// Lets a request with this access token in.
    pub fn authenticate(&self, token: &str) -> Result<Principal, AuthFailure> {
        let now = self.parts.clock.now();
        let verified = self.parts.access.verify(token, now)?;
        match self.parts.revocations.standing(verified.session, verified.token, now) {
            Standing::Good => Ok(verified.into()),
            Standing::Revoked => Err(AuthFailure::Revoked),
            Standing::Unknown => Err(AuthFailure::RevocationsUnknown),
        }
    }

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
        let session = self.new_session(device, now);
        let Some(logged_in) = self.open(user, session, now).await? else {
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

    /// Opens `session` for a user who has proved who they are; `None` when the account went away meanwhile.
    async fn open(
        &self,
        user: User,
        session: PendingSession,
        now: Stamp,
    ) -> Result<Option<LoggedIn>, StoreError> {
        let ending = self.ending(EndReason::DeviceRevoked, now);
        let opened =
            self.parts.sessions.open(user.id, session.new.clone(), self.defence.session_cap, ending).await?;
        let Opened::Done(ended) = opened else {
            return Ok(None);
        };
        self.parts.revocations.add(&ended);
        Ok(Some(self.logged_in(Box::new(user), session.new.id, session.secret, now)))
    }

    /// A session with its first refresh token, not yet stored.
    #[must_use]
    pub fn new_session(&self, device: Device, now: Stamp) -> PendingSession {
        let id = SessionId(self.parts.secrets.uuid());
        let secret = self.parts.refresh.derive(id, 0);
        let new = NewSession {
            id,
            device,
            token: TokenId(self.parts.secrets.uuid()),
            hash: self.parts.refresh.hash(&secret.0),
            expires_at: now.plus(self.lifetimes.refresh),
        };
        PendingSession { new, secret }
    }

    /// The tokens of a session that is stored.
    #[must_use]
    pub fn logged_in(
        &self,
        user: Box<User>,
        session: SessionId,
        refresh: RefreshSecret,
        now: Stamp,
    ) -> LoggedIn {
        let access = self.parts.access.issue(&Grant {
            token: TokenId(self.parts.secrets.uuid()),
            user: user.id,
            email: user.email.clone(),
            session,
            issued_at: now,
            expires_at: now.plus(self.lifetimes.access),
        });
        LoggedIn { user, tokens: Tokens { access, refresh, expires_in: self.lifetimes.access, session } }
    }

    /// Exchanges a refresh token for the session's next tokens.
    pub async fn refresh(&self, secret: &str, device: &Device) -> Result<Refresh, StoreError> {
        let now = self.parts.clock.now();
        let presented = self.parts.refresh.hash(secret);
        let Some(token) = self.parts.sessions.find(&presented).await? else {
            return Ok(Refresh::Unknown);
        };
        let generation = token.generation.saturating_add(1);
        let fresh = self.parts.refresh.derive(token.session, generation);
        let successor = Successor {
            id: TokenId(self.parts.secrets.uuid()),
            hash: self.parts.refresh.hash(&fresh.0),
            expires_at: now.plus(self.lifetimes.refresh),
        };
        let ending = self.ending(EndReason::ReuseDetected, now);
        match self.parts.sessions.rotate(&presented, successor, device, ending).await? {
            Refreshed::Done { user, session, hash } => {
                // A successor stored before the server's keys rotated was derived under an older one.
                let same = |secret: &RefreshSecret| self.parts.refresh.hash(&secret.0) == hash;
                match self.parts.refresh.derive_all(session, generation).into_iter().find(same) {
                    Some(secret) => Ok(Refresh::Done(self.logged_in(user, session, secret, now))),
                    None => Ok(Refresh::Unknown),
                }
            }
            Refreshed::Reused(revocation) => {
                self.parts.revocations.add(&[revocation]);
                Ok(Refresh::Ended)
            }
            Refreshed::Ended => Ok(Refresh::Ended),
            Refreshed::Unknown => Ok(Refresh::Unknown),
            Refreshed::Expired => Ok(Refresh::Expired),
            Refreshed::Disabled => Ok(Refresh::Disabled),
        }
    }

    /// Ends the caller's session, or all of the user's.
    pub async fn log_out(&self, principal: &Principal, all: bool) -> Result<(), StoreError> {
        let ending = self.ending(EndReason::Logout, self.parts.clock.now());
        let ended = if all {
            self.parts.sessions.end_all(principal.user, None, ending).await?
        } else {
            self.parts.sessions.end(principal.user, principal.session, ending).await?.into_iter().collect()
        };
        self.parts.revocations.add(&ended);
        Ok(())
    }

    /// How sessions that end at `now` for `reason` are kept in mind.
    #[must_use]
    pub fn ending(&self, reason: EndReason, now: Stamp) -> Ending {
        // Verifiers allow for half a minute of clock difference; a minute covers it.
        let until = now.plus(self.lifetimes.longest_access + Duration::from_mins(1));
        Ending { reason, at: now, until }
    }

    /// The ports it works with, for the services beside it.
    #[must_use]
    pub const fn parts(&self) -> &SessionParts {
        &self.parts
    }
}

/// A session with its first refresh token, not yet stored.
#[derive(Clone, Debug)]
pub struct PendingSession {
    /// What to store.
    pub new: NewSession,
    /// The refresh token in clear.
    pub secret: RefreshSecret,
}
