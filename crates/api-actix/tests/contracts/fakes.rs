//! Ports that do what a test asks for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adapters_auth::JwtAccessTokens;
use async_trait::async_trait;
use domain::Stamp;
use domain::account::{HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use domain::limits::{Charge, LimitKey, Quota, RateLimiter};
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Grant, RefreshGrant, RefreshSecret, VerifiedToken,
};
use domain_testkit::PlainHasher;

/// What stands before a token that is to allow nothing.
pub const SCOPELESS: &str = "scopeless-";

/// Real tokens; behind [`SCOPELESS`] they allow nothing.
pub struct Tokens(pub JwtAccessTokens);

impl AccessTokens for Tokens {
    fn issue(&self, grant: &Grant) -> AccessToken {
        self.0.issue(grant)
    }

    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure> {
        match token.strip_prefix(SCOPELESS) {
            Some(token) => Ok(VerifiedToken { scopes: vec![], ..self.0.verify(token, now)? }),
            None => self.0.verify(token, now),
        }
    }

    fn issue_refresh(&self, grant: &RefreshGrant) -> RefreshSecret {
        self.0.issue_refresh(grant)
    }

    fn verify_refresh(&self, token: &str, now: Stamp) -> Result<(), AuthFailure> {
        self.0.verify_refresh(token, now)
    }
}

/// Hashes until it is told to fail.
#[derive(Default)]
pub struct Hasher(Mutex<Option<fn() -> HasherError>>);

impl Hasher {
    /// From now on every call fails so.
    pub fn fail_with(&self, error: fn() -> HasherError) {
        *self.0.lock().expect("no test panicked here") = Some(error);
    }

    fn check(&self) -> Result<PlainHasher, HasherError> {
        let error = *self.0.lock().expect("no test panicked here");
        error.map_or(Ok(PlainHasher::default()), |error| Err(error()))
    }
}

#[async_trait]
impl PasswordHasher for Hasher {
    async fn hash(&self, password: NewPassword) -> Result<PasswordHash, HasherError> {
        self.check()?.hash(password).await
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verified, HasherError> {
        self.check()?.verify(password, hash).await
    }
}

/// A limiter that grants everything until it is closed.
#[derive(Default)]
pub struct Gate(AtomicBool);

impl Gate {
    /// How long whoever comes to a closed gate has to wait.
    pub const WAIT: Duration = Duration::from_secs(7);

    /// From now on nothing is granted.
    pub fn close(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl RateLimiter for Gate {
    async fn charge(&self, _: &LimitKey, quota: Quota, _: Stamp) -> Charge {
        let allowed = !self.0.load(Ordering::SeqCst);
        let retry_after = if allowed { Duration::ZERO } else { Self::WAIT };
        Charge { allowed, remaining: u32::from(allowed), retry_after, quota }
    }

    async fn give_back(&self, _: &LimitKey, _: Quota, _: Stamp) {}
}
