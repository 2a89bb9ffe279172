//! What a [`SessionService`](super::SessionService) is made of.

use std::sync::Arc;
use std::time::Duration;

use crate::account::{AccountStore, PasswordHasher};
use crate::identity::{IdentityStore, Issuers};
use crate::limits::{Quotas, RateLimiter};
use crate::secret::SecretSource;
use crate::session::{AccessTokens, RefreshSecrets, Revocations, SessionStore};
use crate::time::Clock;

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
