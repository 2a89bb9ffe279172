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
    /// The lifetime of a refresh token, and of a session that is not refreshed.
    pub refresh: Duration,
    pub form: RefreshForm,
}

impl Lifetimes {
    /// The defaults, with the lifetimes that an operator has set.
    #[must_use]
    pub fn configured(access: Option<Duration>, refresh: Duration) -> Self {
        let default = Self::default();
        Self { access: access.unwrap_or(default.access), refresh, ..default }
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        let days = |n: u64| Duration::from_hours(n * 24);
        Self { access: Duration::from_mins(15), refresh: days(7), form: RefreshForm::Opaque }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_tokens_live_for_a_quarter_of_an_hour_unless_an_operator_decides() {
        let (refresh, access) = (Duration::from_hours(1), Duration::from_mins(1));
        let configured = |access| Lifetimes::configured(access, refresh);
        let form = RefreshForm::Opaque;
        assert_eq!(configured(None), Lifetimes { access: Duration::from_mins(15), refresh, form });
        assert_eq!(configured(Some(access)), Lifetimes { access, refresh, form });
    }
}
