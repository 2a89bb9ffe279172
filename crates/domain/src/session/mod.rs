//! Sessions: one login on one device, the tokens that belong to it, and how it ends.

mod located;
mod new_session;
pub mod refresh;
mod revocation;
mod revocation_reader;
mod service;
mod store;
mod token;

pub use located::Location;
pub use new_session::{LoginFacts, NewSession, OpenRefusal, Proof};
pub use refresh::{RefreshToken, Rotated, Successor};
pub use revocation::{
    FeedPosition, Revocation, RevocationFeed, RevocationListener, RevocationState, Revocations, Revoked,
};
pub use revocation_reader::RevocationReader;
pub use service::{
    Lifetimes, Login, RefreshForm, RefreshOutcome, RenewalOutcome, SessionPorts, SessionService, Tokens,
};
pub use store::{Cutoffs, OpenedSession, SessionStore};
pub use token::{
    AccessToken, AccessTokens, AuthFailure, Grant, Principal, RefreshGrant, RefreshSecret, RefreshSecrets,
    Scope, TokenHash, VerifiedToken,
};

use std::net::IpAddr;
use std::time::Duration;

use crate::ids::{SessionId, UserId};
use crate::text::ClientId;
use crate::time::Stamp;

/// The details of the device that uses a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The name that the device chooses for itself.
    pub client_id: Option<ClientId>,
    /// The `User-Agent` header, cut to [`Device::USER_AGENT_MAX`] bytes.
    pub user_agent: Option<String>,
    pub ip: Option<IpAddr>,
}

impl Device {
    /// The maximum number of bytes of a user agent that are kept.
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
    /// When a token of the session was last repeated [late](refresh::LATE_REPEATS).
    pub late_repeat_at: Option<Stamp>,
    /// From when on the login counts as a proof of identity: when the session was opened, or later
    /// if what it was opened with was new then.
    pub trusted_from: Stamp,
    /// When and why the session was ended before it expired.
    pub ended: Option<(Stamp, EndReason)>,
}

impl Session {
    /// The number of ended sessions of a user that a store keeps: the newest ones, so that their
    /// devices learn that they have ended, and for exports. A revocation needs no session.
    pub const ENDED_KEPT: u32 = 100;

    /// How many ended sessions beyond [`Self::ENDED_KEPT`] go when one is opened, each with its
    /// tokens. Usually one does; there are more after a logout that ended all.
    pub const ENDED_REMOVED: u32 = 4;

    /// How long a login counts as recent enough to authorise operations that can't be undone.
    pub const RECENT: Duration = Duration::from_mins(10);

    /// Whether the login authorises operations that can't be undone.
    #[must_use]
    pub fn recent_login(&self, now: Stamp) -> RecentLogin {
        if now.since(self.created_at) > Self::RECENT {
            RecentLogin::No
        } else if self.trusted_from > now {
            RecentLogin::NotBefore(self.trusted_from)
        } else {
            RecentLogin::Yes
        }
    }
}

/// Whether a session is a login that is recent enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecentLogin {
    Yes,
    No,
    /// The login used an identity, address or password that is too new. A login with it counts
    /// from then on.
    NotBefore(Stamp),
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
    /// The least time for which the revocations are kept. The revocation of a session is kept
    /// longer if an access token of the session lives longer.
    pub until: Stamp,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const CREATED: Stamp = Stamp::EPOCH;

    #[test]
    fn a_login_is_recent_for_ten_minutes_and_not_before_it_is_trusted() {
        let at = |minutes| CREATED.plus(Duration::from_mins(minutes));
        let session = Session {
            id: SessionId(Uuid::nil()),
            user: UserId(Uuid::nil()),
            device: Device::default(),
            created_at: CREATED,
            last_used_at: CREATED,
            expires_at: Stamp::MAX,
            late_repeat_at: None,
            trusted_from: at(5),
            ended: None,
        };
        assert_eq!(session.recent_login(at(4)), RecentLogin::NotBefore(at(5)));
        assert_eq!(session.recent_login(at(10)), RecentLogin::Yes);
        assert_eq!(session.recent_login(at(11)), RecentLogin::No);
    }
}
