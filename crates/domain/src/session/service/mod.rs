//! The use cases of sessions: log in, refresh, log out, look at one's devices, and letting a request in.

mod authenticate;
mod end;
mod log_in;
mod opened;
mod parts;
mod refresh;

pub use log_in::{Credentials, LogIn};
pub use opened::{LoggedIn, Opening, PendingSession, Tokens};
pub use parts::{Lifetimes, LoginDefence, RefreshForm, SessionParts};
pub use refresh::{Refresh, Renewal};

use std::time::Duration;

use super::{
    AccessToken, Device, EndReason, Ending, Grant, NewSession, Opened, RefreshGrant, RefreshSecret,
    Revocation,
};
use crate::account::{PasswordHash, User};
use crate::error::StoreError;
use crate::ids::{SessionId, TokenId, UserId};
use crate::limits::Quotas;
use crate::time::Stamp;

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
