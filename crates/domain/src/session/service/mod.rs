//! The use cases of sessions: log in, refresh, log out, look at one's devices, and letting a request in.

mod authenticate;
mod log_in;
mod refresh;

pub use log_in::{Credentials, LogIn};
pub use refresh::{Refresh, Renewal};

use std::sync::Arc;
use std::time::Duration;

use super::{
    AccessToken, AccessTokens, AuthFailure, Device, EndReason, Ending, Grant, NewSession, Opened, Principal,
    RefreshGrant, RefreshSecret, RefreshSecrets, Revocation, Revocations, Session, SessionStore,
};
use crate::account::{AccountStore, PasswordHash, PasswordHasher, User};
use crate::error::StoreError;
use crate::identity::{IdentityStore, Issuers};
use crate::ids::{SessionId, TokenId, UserId};
use crate::limits::{Quotas, RateLimiter};
use crate::secret::SecretSource;
use crate::time::{Clock, Stamp};

/// What a refresh token looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshForm {
    /// 256 bits that say nothing, rotated at each use.
    #[default]
    Opaque,
    /// A JWT, not rotated.
    Jwt,
}

/// How long tokens live, and what a surface's refresh tokens look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token of the surface that asks.
    pub access: Duration,
    /// The longest-lived access token of any surface: how long a revocation is kept.
    pub longest_access: Duration,
    /// A refresh token, and a session that is not refreshed.
    pub refresh: Duration,
    /// The form of refresh tokens.
    pub form: RefreshForm,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let days = |n: u64| Duration::from_hours(n * 24);
        Self {
            access: Duration::from_mins(15),
            longest_access: days(7),
            refresh: days(7),
            form: RefreshForm::Opaque,
        }
    }
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

/// What became of a session to be opened.
#[derive(Debug)]
pub enum Opening {
    /// It is open.
    Done(LoggedIn),
    /// The account went away or is disabled.
    NoSuchUser,
    /// The password is not the one that was proved any more.
    PasswordChanged,
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
    /// Checks tokens of external issuers, where any are configured.
    pub issuers: Option<Arc<dyn Issuers>>,
    /// Where the users of external issuers are kept.
    pub identities: Arc<dyn IdentityStore>,
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

    /// The same service for a surface whose tokens live otherwise.
    #[must_use]
    pub fn with_lifetimes(&self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self.clone() }
    }

    /// Opens a session for a user who has proved who they are, by the password of this hash if it was a password.
    pub async fn open(
        &self,
        user: User,
        proved: Option<PasswordHash>,
        device: Device,
        now: Stamp,
    ) -> Result<Opening, StoreError> {
        let session = self.new_session(user.id, device, now);
        let new = NewSession { proved, ..session.new.clone() };
        let ending = self.ending(EndReason::DeviceRevoked, now);
        Ok(match self.parts.sessions.open(user.id, new, self.defence.session_cap, ending).await? {
            Opened::Done(ended) => {
                self.parts.revocations.add(&ended);
                Opening::Done(self.logged_in(Box::new(user), session.new.id, session.secret, now))
            }
            Opened::NoSuchUser => Opening::NoSuchUser,
            Opened::PasswordChanged => Opening::PasswordChanged,
        })
    }

    /// A session with its first refresh token, not yet stored.
    #[must_use]
    pub fn new_session(&self, user: UserId, device: Device, now: Stamp) -> PendingSession {
        let id = SessionId(self.parts.secrets.uuid());
        let token = TokenId(self.parts.secrets.uuid());
        let expires_at = now.plus(self.lifetimes.refresh);
        let secret = match self.lifetimes.form {
            RefreshForm::Opaque => self.parts.refresh.derive(id, 0),
            RefreshForm::Jwt => self.parts.access.issue_refresh(&RefreshGrant {
                token,
                user,
                session: id,
                issued_at: now,
                expires_at,
            }),
        };
        let hash = self.parts.refresh.hash(&secret.0);
        PendingSession { new: NewSession { id, device, token, hash, expires_at, proved: None }, secret }
    }

    /// How long its tokens live.
    #[must_use]
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// How often what is limited may be done; `None` where nothing is counted.
    #[must_use]
    pub const fn quotas(&self) -> Option<Quotas> {
        self.defence.quotas
    }

    /// The most live sessions of a user.
    #[must_use]
    pub const fn session_cap(&self) -> u32 {
        self.defence.session_cap
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
        let access = self.access_token(&user, session, now);
        LoggedIn { user, tokens: Tokens { access, refresh, expires_in: self.lifetimes.access, session } }
    }

    fn access_token(&self, user: &User, session: SessionId, now: Stamp) -> AccessToken {
        self.parts.access.issue(&Grant {
            token: TokenId(self.parts.secrets.uuid()),
            user: user.id,
            email: user.email.clone(),
            session,
            issued_at: now,
            expires_at: now.plus(self.lifetimes.access),
        })
    }

    /// Ends the caller's session, or all of the user's. A token of an external issuer has no session here: its issuer ends it.
    pub async fn log_out(&self, principal: &Principal, all: bool) -> Result<(), StoreError> {
        let ending = self.ending(EndReason::Logout, self.parts.clock.now());
        let ended: Vec<_> = match principal.session {
            _ if all => self.parts.sessions.end_all(principal.user, None, ending).await?,
            Some(session) => {
                self.parts.sessions.end(principal.user, session, ending).await?.into_iter().collect()
            }
            None => Vec::new(),
        };
        self.parts.revocations.add(&ended);
        Ok(())
    }

    /// Ends the caller's session and, where it is another one of the caller's, the one that a refresh token in the form of a JWT
    /// belongs to. `Err` for a token that is none; nothing is ended then.
    pub async fn log_out_with(
        &self,
        principal: &Principal,
        refresh: &str,
    ) -> Result<Result<(), AuthFailure>, StoreError> {
        let now = self.parts.clock.now();
        match self.parts.access.verify_refresh(refresh, now) {
            // One whose time is over belongs to a session that may still have an access token.
            Ok(()) | Err(AuthFailure::Expired) => {}
            Err(failure) => return Ok(Err(failure)),
        }
        let facts = self.parts.sessions.find(&self.parts.refresh.hash(refresh)).await?;
        let other = facts.map(|facts| facts.session).filter(|session| session.user == principal.user);
        self.log_out(principal, false).await?;
        if let Some(session) = other.filter(|session| Some(session.id) != principal.session) {
            let ending = self.ending(EndReason::Logout, now);
            let ended = self.parts.sessions.end(principal.user, session.id, ending).await?;
            self.parts.revocations.add(ended.as_slice());
        }
        Ok(Ok(()))
    }

    /// The user's live sessions, the last used first.
    pub async fn devices(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.parts.sessions.live(user, self.parts.clock.now()).await
    }

    /// Ends one of the user's sessions; whether there was such a live one.
    pub async fn end_device(&self, user: UserId, session: SessionId) -> Result<bool, StoreError> {
        let ending = self.ending(EndReason::DeviceRevoked, self.parts.clock.now());
        let ended = self.parts.sessions.end(user, session, ending).await?;
        self.parts.revocations.add(ended.as_slice());
        Ok(ended.is_some())
    }

    /// Whether the caller's session proved its user recently.
    pub async fn proved_recently(&self, principal: &Principal) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        let live = self.parts.sessions.live(principal.user, now).await?;
        Ok(live.iter().any(|session| Some(session.id) == principal.session && session.proved_recently(now)))
    }

    /// Makes known at once what a store ended.
    pub fn announce(&self, ended: &[Revocation]) {
        self.parts.revocations.add(ended);
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
