//! Ports that do what a test asks of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters_auth::{JwtAccessTokens, KeyRing, MemoryRateLimiter};
use api_actix::realtime::Hub;
use async_trait::async_trait;
use domain::limits::{Charge, LimitKey, Quota, RateLimiter};
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Grant, RefreshGrant, RefreshSecret, Scope, VerifiedToken,
};
use domain::todo::{EventBus, TodoEvent};
use domain::user::{HashedFor, HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use domain::{Stamp, UserId};
use domain_testkit::{PlainHasher, RecordingBus};

/// Real tokens, which [`narrowed`] can narrow.
pub struct Tokens(JwtAccessTokens);

impl Tokens {
    pub fn new(ring: &KeyRing) -> Self {
        Self(JwtAccessTokens::new(ring, &[], "tests", "tests"))
    }
}

/// The key of every server and token here.
pub fn key_ring() -> KeyRing {
    KeyRing::parse(&"a key for tests".into()).expect("a key")
}

/// Signs an access token as the server does.
pub fn sign(grant: &Grant) -> String {
    Tokens::new(&key_ring()).issue(grant).0
}

/// A token that is good for `scopes` alone, which are separated by `+`.
pub fn narrowed(token: &str, scopes: &str) -> String {
    format!("{scopes}~{token}")
}

impl AccessTokens for Tokens {
    fn issue(&self, grant: &Grant) -> AccessToken {
        self.0.issue(grant)
    }

    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure> {
        let Some((scopes, token)) = token.split_once('~') else { return self.0.verify(token, now) };
        let has = |scope: &Scope| scopes.split('+').any(|word| word == scope.as_str());
        Ok(VerifiedToken {
            scopes: Scope::ALL.into_iter().filter(has).collect(),
            ..self.0.verify(token, now)?
        })
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
    /// Makes every further call fail.
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
    async fn hash(&self, password: NewPassword, on_behalf: &HashedFor) -> Result<PasswordHash, HasherError> {
        self.check()?.hash(password, on_behalf).await
    }

    async fn verify(
        &self,
        password: &str,
        hash: Option<PasswordHash>,
        on_behalf: &HashedFor,
    ) -> Result<Verified, HasherError> {
        self.check()?.verify(password, hash, on_behalf).await
    }
}

/// How a [`Limiter`] answers.
#[derive(Clone, Copy, Debug)]
pub enum Limits {
    GrantAll,
    /// As a limiter that other instances share: what it grants, it grants later.
    GrantLater,
    /// Refuses everything for [`Limiter::WAIT`].
    RefuseAll,
    /// Counts as the server does.
    Count,
}

pub struct Limiter {
    counting: MemoryRateLimiter,
    limits: Mutex<Limits>,
}

impl Limiter {
    pub const WAIT: Duration = Duration::from_secs(7);

    pub fn new(limits: Limits) -> Self {
        Self { counting: MemoryRateLimiter::new(50_000), limits: Mutex::new(limits) }
    }

    pub fn set(&self, limits: Limits) {
        *self.limits.lock().expect("no test panicked here") = limits;
    }

    fn limits(&self) -> Limits {
        *self.limits.lock().expect("no test panicked here")
    }
}

#[async_trait]
impl RateLimiter for Limiter {
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge {
        let granted = Charge { allowed: true, remaining: 1, retry_after: Duration::ZERO, quota };
        match self.limits() {
            Limits::GrantAll => granted,
            Limits::GrantLater => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                granted
            }
            Limits::RefuseAll => Charge { allowed: false, remaining: 0, retry_after: Self::WAIT, quota },
            Limits::Count => self.counting.charge(key, quota, now).await,
        }
    }

    async fn refund(&self, key: &LimitKey, quota: Quota, now: Stamp) {
        if let Limits::Count = self.limits() {
            self.counting.refund(key, quota, now).await;
        }
    }
}

/// Publishes to the hub, and records what it published.
pub struct Tee {
    pub hub: Arc<Hub>,
    pub bus: Arc<RecordingBus>,
}

impl EventBus for Tee {
    fn publish(&self, user: UserId, previous: Stamp, events: Vec<TodoEvent>) {
        self.bus.publish(user, previous, events.clone());
        self.hub.publish(user, previous, events);
    }
}
