//! Sessions: one login on one device, the tokens that belong to it, and how it ends.

pub mod refresh;
mod revocation;
mod revocation_reader;
mod service;
mod store;
mod token;

pub use refresh::{RefreshToken, Rotated, Successor};
pub use revocation::{Revocation, RevocationFeed, RevocationListener, RevocationState, Revocations, Revoked};
pub use revocation_reader::RevocationReader;
pub use service::{
    Lifetimes, Login, RefreshForm, RefreshOutcome, RenewalOutcome, SessionPorts, SessionService, Tokens,
};
pub use store::{OpenRefusal, OpenedSession, SessionStore};
pub use token::{
    AccessToken, AccessTokens, AuthFailure, Grant, Principal, RefreshGrant, RefreshSecret, RefreshSecrets,
    Scope, TokenHash, VerifiedToken,
};

use std::net::IpAddr;
use std::time::Duration;

use crate::ids::{SessionId, TokenId, UserId};
use crate::text::ClientId;
use crate::time::Stamp;
use crate::user::{PasswordHash, User};

/// The details of the device that uses a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The name that the device chooses for itself.
    pub client_id: Option<ClientId>,
    /// The `User-Agent` header, cut to [`Device::USER_AGENT_MAX`] characters.
    pub user_agent: Option<String>,
    pub ip: Option<IpAddr>,
}

impl Device {
    /// The maximum number of characters of a user agent that are kept.
    pub const USER_AGENT_MAX: usize = 400;
}

/// One login on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// The details of the device that opened the session, as of the last refresh.
    pub device: Device,
    pub created_at: Stamp,
    /// When the session was last refreshed.
    pub last_used_at: Stamp,
    /// When the session ends unless it is refreshed.
    pub expires_at: Stamp,
    /// When and why the session was ended before it expired.
    pub ended: Option<(Stamp, EndReason)>,
}

impl Session {
    /// How long a login counts as recent enough to authorise operations that can't be undone.
    pub const RECENT: Duration = Duration::from_mins(10);

    /// Whether the user logged in within the last [`Session::RECENT`].
    #[must_use]
    pub fn opened_recently(&self, now: Stamp) -> bool {
        now.since(self.created_at) <= Self::RECENT
    }
}

/// Why a session ended before it expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    Logout,
    PasswordChange,
    PasswordReset,
    /// The user ended it from another device, or it was the oldest session beyond the cap.
    DeviceRevoked,
    AccountDeleted,
    /// A refresh token was used again after its successor.
    ReuseDetected,
    /// An operator ended it.
    AdminRevoke,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Logout,
        Self::PasswordChange,
        Self::PasswordReset,
        Self::DeviceRevoked,
        Self::AccountDeleted,
        Self::ReuseDetected,
        Self::AdminRevoke,
    ];

    /// The name of the reason in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::PasswordChange => "password_change",
            Self::PasswordReset => "password_reset",
            Self::DeviceRevoked => "device_revoked",
            Self::AccountDeleted => "account_deleted",
            Self::ReuseDetected => "reuse_detected",
            Self::AdminRevoke => "admin_revoke",
        }
    }

    /// The reason whose name in stores is `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// When and why sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    pub reason: EndReason,
    pub at: Stamp,
    /// When the last access token of the sessions expires. The revocation is kept until then.
    pub until: Stamp,
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
    /// The hash that the login's password was compared with, if it used a password.
    pub verified: Option<PasswordHash>,
}

impl NewSession {
    /// Whether the session may be opened for the user, as loaded under the user's lock.
    pub fn check(&self, user: Option<&User>) -> Result<(), OpenRefusal> {
        match user.filter(|user| user.is_active) {
            None => Err(OpenRefusal::NoSuchUser),
            Some(user) if self.verified.is_some() && self.verified != user.password => {
                Err(OpenRefusal::PasswordChanged)
            }
            Some(_) => Ok(()),
        }
    }
}
