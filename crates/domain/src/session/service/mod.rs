//! The use cases of sessions: open, refresh and end them, and list a user's devices.

mod end;
mod login;
mod ports;
mod refresh;

pub(crate) use login::PendingSession;
pub use login::{Login, Tokens};
pub use ports::{Lifetimes, RefreshForm, SessionPorts};
pub use refresh::{RefreshOutcome, RenewalOutcome};

use std::time::Duration;

use super::{
    AccessToken, AuthFailure, Device, EndReason, Ending, Grant, Location, NewSession, OpenRefusal,
    OpenedSession, Principal, Proof, RefreshGrant, RefreshSecret, Revocation, RevocationState,
};
use crate::error::StoreError;
use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;
use crate::user::User;

/// The allowance for clock differences between instances: verifiers accept 30 s; a minute covers
/// both sides.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// How long the revocation of a whole account is kept, at least: no access token of this server
/// lives longer, and an issuer's token of a deleted account would only create a new account.
const EXTERNAL_ACCESS: Duration = Duration::from_hours(30 * 24);

/// Opens, refreshes and ends sessions.
#[derive(Clone)]
pub struct SessionService {
    ports: SessionPorts,
    lifetimes: Lifetimes,
    cap: u32,
}

impl SessionService {
    /// A service whose users have at most `cap` live sessions each.
    #[must_use]
    pub fn new(ports: SessionPorts, lifetimes: Lifetimes, cap: u32) -> Self {
        Self { ports, lifetimes, cap }
    }

    /// Returns the same service for an API surface with other token lifetimes.
    #[must_use]
    pub fn with_lifetimes(&self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self.clone() }
    }

    /// The lifetimes of the tokens that this service issues.
    #[must_use]
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Checks an access token of this server, by its signature and by the list of revocations.
    /// Makes no query.
    pub(crate) fn authenticate(&self, token: &str) -> Result<Principal, AuthFailure> {
        let now = self.ports.clock.now();
        let principal = self.ports.access.verify(token, now)?.into();
        self.check(&principal)?;
        Ok(principal)
    }

    /// Checks that neither the caller's session nor their account has ended since the caller was
    /// authenticated.
    pub fn check(&self, principal: &Principal) -> Result<(), AuthFailure> {
        let now = self.ports.clock.reading();
        match self.ports.revocations.state(principal.user, principal.session, now) {
            RevocationState::Good => Ok(()),
            RevocationState::Revoked => Err(AuthFailure::Revoked),
            RevocationState::Disabled => Err(AuthFailure::Disabled),
            RevocationState::Unknown => Err(AuthFailure::RevocationsUnknown),
        }
    }

    /// Whether tokens can be checked: the list of revocations is recent enough.
    #[must_use]
    pub fn can_check(&self) -> bool {
        self.ports.revocations.is_current(self.ports.clock.reading())
    }

    /// How old the list of revocations is; `None` before it was read.
    #[must_use]
    pub fn revocations_age(&self) -> Option<Duration> {
        self.ports.revocations.age(self.ports.clock.reading())
    }

    /// Opens a session for a user who has proved their identity.
    pub(crate) async fn open(
        &self,
        user: UserId,
        proof: Proof,
        device: Device,
    ) -> Result<Result<Login, OpenRefusal>, StoreError> {
        let now = self.ports.clock.now();
        let PendingSession { new, secret } = self.new_session(user, proof, device, now);
        let id = new.id;
        let ending = self.ending(EndReason::DeviceRevoked, now);
        let opened = self.ports.sessions.open(user, new, self.cap, ending).await?;
        Ok(opened.map(|opened| self.opened(opened, id, secret, now)))
    }

    /// Returns the login of a session that a store has opened, and announces the sessions that
    /// ended to make room for it.
    pub(crate) fn opened(
        &self,
        opened: OpenedSession,
        session: SessionId,
        refresh: RefreshSecret,
        now: Stamp,
    ) -> Login {
        self.announce(&opened.ended);
        self.login(opened.user, session, refresh, now)
    }

    /// A session with its first refresh token. The caller stores it.
    pub(crate) fn new_session(
        &self,
        user: UserId,
        proof: Proof,
        device: Device,
        now: Stamp,
    ) -> PendingSession {
        let id = SessionId(self.ports.secrets.uuid());
        let token = TokenId(self.ports.secrets.uuid());
        let expires_at = now.plus(self.lifetimes.refresh);
        let refresh = &self.ports.refresh;
        let (secret, hash) = match self.lifetimes.form {
            RefreshForm::Opaque => {
                let secret = refresh.derive(id, 0);
                let hash = refresh.hash(&secret.0);
                (Location { user, session: id, generation: 0 }.mark(&secret), hash)
            }
            RefreshForm::Jwt => {
                let grant = RefreshGrant { token, user, session: id, issued_at: now, expires_at };
                let secret = self.ports.access.issue_refresh(&grant);
                let hash = refresh.hash(&secret.0);
                (secret, hash)
            }
        };
        let access_until = self.access_until(now);
        let new = NewSession { id, device, token, hash, expires_at, access_until, proof };
        PendingSession { new, secret }
    }

    /// The maximum number of live sessions of a user.
    pub(crate) const fn cap(&self) -> u32 {
        self.cap
    }

    /// The login of a session that is stored.
    pub(crate) fn login(
        &self,
        user: Box<User>,
        session: SessionId,
        refresh: RefreshSecret,
        now: Stamp,
    ) -> Login {
        let access = self.access_token(&user, session, now);
        Login { user, tokens: Tokens { access, refresh, expires_in: self.lifetimes.access, session } }
    }

    fn access_token(&self, user: &User, session: SessionId, now: Stamp) -> AccessToken {
        self.ports.access.issue(&Grant {
            token: TokenId(self.ports.secrets.uuid()),
            user: user.id,
            email: user.email.clone(),
            session,
            issued_at: now,
            expires_at: now.plus(self.lifetimes.access),
        })
    }

    /// Adds the sessions and users that a store ended to this instance's list of revocations at
    /// once.
    pub(crate) fn announce(&self, ended: &[Revocation]) {
        self.ports.revocations.add(ended);
    }

    /// How sessions end at `now` for `reason`. Stores keep each revocation as long as its session's
    /// access tokens live; the end of an account also ends the tokens of external issuers.
    pub(crate) fn ending(&self, reason: EndReason, now: Stamp) -> Ending {
        let least = match reason {
            EndReason::AccountDeleted => EXTERNAL_ACCESS,
            _ => self.lifetimes.access,
        };
        Ending { reason, at: now, until: now.plus(least + CLOCK_SKEW) }
    }

    /// When no instance accepts an access token that is issued at `now` any longer.
    fn access_until(&self, now: Stamp) -> Stamp {
        now.plus(self.lifetimes.access + CLOCK_SKEW)
    }
}
