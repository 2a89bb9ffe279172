//! Sessions: one login on one device, the tokens that belong to it, and how it ends.

pub mod refresh;
mod revocation;
mod service;
mod store;
mod token;

pub use refresh::{RefreshToken, Refreshed, Successor};
pub use revocation::{Revocation, RevocationListener, RevocationNews, Revocations, Revoked, Standing};
pub use service::{
    Credentials, Lifetimes, LogIn, LoggedIn, LoginDefence, Opening, PendingSession, Refresh, RefreshForm,
    Renewal, SessionParts, SessionService, Tokens,
};
pub use store::{Opened, SessionStore};
pub use token::{
    AccessToken, AccessTokens, AuthFailure, Grant, Principal, RefreshGrant, RefreshSecret, RefreshSecrets,
    Scope, TokenHash, VerifiedToken,
};

use std::net::IpAddr;

use crate::account::{PasswordHash, User};
use crate::ids::{SessionId, TokenId, UserId};
use crate::text::ClientId;
use crate::time::Stamp;

/// Where a request comes from, as far as a session remembers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The name it gives itself.
    pub client_id: Option<ClientId>,
    /// Its `User-Agent`, cut to [`Device::USER_AGENT_MAX`] characters.
    pub user_agent: Option<String>,
    /// Its address.
    pub ip: Option<IpAddr>,
}

impl Device {
    /// The most characters of a user agent that are kept.
    pub const USER_AGENT_MAX: usize = 400;
}

/// One login on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Where it was opened, or last refreshed from.
    pub device: Device,
    /// When it was opened.
    pub created_at: Stamp,
    /// When it was last refreshed.
    pub last_used_at: Stamp,
    /// When it ends if it is not refreshed.
    pub expires_at: Stamp,
    /// When and why it was ended.
    pub ended: Option<(Stamp, EndReason)>,
}

impl Session {
    /// How long a proof of identity is recent enough for what can't be undone.
    pub const RECENT: std::time::Duration = std::time::Duration::from_mins(10);

    /// Whether its user proved who they are within the last [`Session::RECENT`]: it was opened by such a proof.
    #[must_use]
    pub fn proved_recently(&self, now: Stamp) -> bool {
        now.since(self.created_at) <= Self::RECENT
    }
}

/// Why a session or a token ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its user logged out.
    Logout,
    /// The password was changed.
    PasswordChange,
    /// The password was reset.
    PasswordReset,
    /// Its user ended it from another device, or it was the oldest of too many.
    DeviceRevoked,
    /// The account is gone.
    AccountDeleted,
    /// A refresh token was used again after its successor.
    ReuseDetected,
    /// The operator ended it.
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

    /// The word that stores keep.
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

    /// The reason that stores keep as `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// When and why sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: Stamp,
    /// When the last access token that they gave out has expired: until then the revocation is kept.
    pub until: Stamp,
}

/// A session to be opened with its first refresh token.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Where it is opened.
    pub device: Device,
    /// The id of its first refresh token.
    pub token: TokenId,
    /// That token's hash.
    pub hash: TokenHash,
    /// When both expire.
    pub expires_at: Stamp,
    /// The hash of the password that was proved for it, where it was a password.
    pub proved: Option<PasswordHash>,
}

impl NewSession {
    /// Why it is not opened for the user as found under their lock; `None` where it is.
    #[must_use]
    pub fn refusal(&self, user: Option<&User>) -> Option<Opened> {
        match user.filter(|user| user.is_active) {
            None => Some(Opened::NoSuchUser),
            Some(user) if self.proved.is_some() && self.proved != user.password => {
                Some(Opened::PasswordChanged)
            }
            Some(_) => None,
        }
    }
}
