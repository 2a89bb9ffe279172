//! The parts of a [`SessionService`](super::SessionService).

use std::sync::Arc;
use std::time::Duration;

use crate::limits::RateLimits;
use crate::secret::SecretSource;
use crate::session::{AccessTokens, RefreshSecrets, Revocations, SessionStore};
use crate::time::Clock;

/// The form of a refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshForm {
    /// 256 random-looking bits, rotated at each use.
    #[default]
    Opaque,
    /// A JWT that is not rotated.
    Jwt,
}

/// How long a surface's tokens live, and the form of its refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// The lifetime of the surface's access tokens.
    pub access: Duration,
    /// The longest lifetime of an access token on any surface: how long a revocation is kept.
    pub longest_access: Duration,
    /// The lifetime of a refresh token, and of a session that is not refreshed.
    pub refresh: Duration,
    pub form: RefreshForm,
}

impl Lifetimes {
    /// The defaults, with the lifetimes that an operator has set.
    ///
    /// A short `access` does not shorten [`longest_access`](Self::longest_access): a token that was
    /// issued before the setting changed keeps its lifetime and must stay revocable.
    #[must_use]
    pub fn configured(access: Option<Duration>, refresh: Duration) -> Self {
        let default = Self::default();
        let access = access.unwrap_or(default.access);
        Self { access, longest_access: default.longest_access.max(access), refresh, ..default }
    }
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

/// The ports of a [`SessionService`](super::SessionService).
#[derive(Clone)]
pub struct SessionPorts {
    pub sessions: Arc<dyn SessionStore>,
    pub revocations: Arc<Revocations>,
    pub access: Arc<dyn AccessTokens>,
    pub refresh: Arc<dyn RefreshSecrets>,
    pub limits: RateLimits,
    pub secrets: Arc<dyn SecretSource>,
    pub clock: Arc<dyn Clock>,
}
