//! Logins during a change of the password, and logins with an outdated hash.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use domain::account::{
    AccountPorts, AccountService, AccountStore, Credentials, LoginOutcome, NewUser, PasswordSet,
};
use domain::identity::{IdentityPorts, IdentityService};
use domain::limits::{Charge, LimitKey, Quota, RateLimiter, RateLimits};
use domain::one_time::OneTimeSecrets;
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Device, EndReason, Grant, Lifetimes, RefreshGrant, RefreshSecret,
    RefreshSecrets, Revocations, SessionPorts, SessionService, SessionStore, TokenHash, VerifiedToken,
};
use domain::user::{HashedFor, HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use domain::{OneTimeTokenId, SessionId, Stamp, UserId};
use domain_testkit::build::{T0, email, ending, new_user, replacement};
use domain_testkit::{ManualClock, MemoryStore, PlainHasher, RecordingBus, SequentialSecrets};

const OLD: &str = "Zebra-Stripe-7";
const NEW: &str = "Giraffe-Spot-8";
const ANN: &str = "ann@example.com";

fn plain(password: &str) -> PasswordHash {
    PasswordHash(format!("plain$10${password}"))
}

/// Hashes like [`PlainHasher`]. During the first verification, another request sets the hash to
/// `then`.
struct ChangingHasher {
    store: Arc<MemoryStore>,
    user: UserId,
    then: PasswordHash,
    done: AtomicBool,
}

#[async_trait]
impl PasswordHasher for ChangingHasher {
    async fn hash(&self, password: NewPassword, on_behalf: &HashedFor) -> Result<PasswordHash, HasherError> {
        PlainHasher::default().hash(password, on_behalf).await
    }

    async fn verify(
        &self,
        password: &str,
        hash: Option<PasswordHash>,
        on_behalf: &HashedFor,
    ) -> Result<Verified, HasherError> {
        if !self.done.swap(true, Ordering::SeqCst) {
            let user =
                self.store.by_id(self.user).await.expect("the store answers").expect("the user exists");
            let (old, new) = (user.password.expect("a password"), self.then.clone());
            let ending = ending(EndReason::PasswordChange, T0);
            let set = self.store.set_password(self.user, &old, replacement(new, ending), None).await;
            assert!(matches!(set.expect("the store answers"), PasswordSet::Done(_)));
        }
        PlainHasher::default().verify(password, hash, on_behalf).await
    }
}

/// Fake tokens, and a rate limiter that must not be charged.
struct Tokens;

impl AccessTokens for Tokens {
    fn issue(&self, _: &Grant) -> AccessToken {
        AccessToken(String::new())
    }

    fn verify(&self, _: &str, _: Stamp) -> Result<VerifiedToken, AuthFailure> {
        Err(AuthFailure::Malformed)
    }

    fn issue_refresh(&self, _: &RefreshGrant) -> RefreshSecret {
        unreachable!("refresh tokens are opaque here")
    }

    fn verify_refresh(&self, _: &str, _: Stamp) -> Result<(), AuthFailure> {
        Err(AuthFailure::Malformed)
    }
}

impl RefreshSecrets for Tokens {
    fn derive(&self, session: SessionId, generation: u32) -> RefreshSecret {
        RefreshSecret(format!("{session}/{generation}"))
    }

    fn hash(&self, secret: &str) -> TokenHash {
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().zip(secret.bytes()) {
            *place = byte;
        }
        TokenHash(hash)
    }
}

impl OneTimeSecrets for Tokens {
    fn derive(&self, _: OneTimeTokenId) -> String {
        unreachable!("no mail is sent here")
    }

    fn hash(&self, secret: &str) -> TokenHash {
        RefreshSecrets::hash(self, secret)
    }
}

#[async_trait]
impl RateLimiter for Tokens {
    async fn charge(&self, _: &LimitKey, _: Quota, _: Stamp) -> Charge {
        unreachable!("nothing is limited here")
    }

    async fn refund(&self, _: &LimitKey, _: Quota, _: Stamp) {}
}

/// A service over the store, without limits.
fn service(store: &Arc<MemoryStore>, hasher: Arc<dyn PasswordHasher>) -> AccountService {
    let (limits, clock) = (RateLimits::new(Arc::new(Tokens), None), Arc::new(ManualClock::at(T0)));
    let sessions = SessionPorts {
        sessions: store.clone(),
        revocations: Arc::new(Revocations::new(vec![])),
        access: Arc::new(Tokens),
        refresh: Arc::new(Tokens),
        limits: limits.clone(),
        secrets: Arc::new(SequentialSecrets),
        clock: clock.clone(),
    };
    let ports = AccountPorts {
        accounts: store.clone(),
        identities: store.clone(),
        one_time: store.clone(),
        todos: store.clone(),
        one_time_secrets: Arc::new(Tokens),
        hasher,
        limits,
        secrets: Arc::new(SequentialSecrets),
        clock,
    };
    let sessions = SessionService::new(sessions, Lifetimes::default(), 20);
    let identities = IdentityPorts {
        identities: store.clone(),
        one_time: store.clone(),
        one_time_secrets: Arc::new(Tokens),
        providers: Vec::new(),
        issuers: None,
        limits: ports.limits.clone(),
        secrets: Arc::new(SequentialSecrets),
        clock: ports.clock.clone(),
    };
    AccountService::new(ports, sessions.clone(), IdentityService::new(identities, sessions))
}

/// A store with the account of [`ANN`], which has this password hash.
async fn registered(password: PasswordHash) -> (Arc<MemoryStore>, UserId) {
    let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
    let new = NewUser { email: email(ANN), password, ..new_user() };
    let user = new.id;
    store.register(new, None, T0).await.expect("the store answers");
    (store, user)
}

async fn log_in(service: &AccountService, password: &str) -> LoginOutcome {
    let credentials = Credentials { email: email(ANN), password: password.into() };
    service.log_in(credentials, Device::default()).await.expect("the store answers")
}

/// Logs in with [`OLD`] while another request sets the password hash to `then`. Returns the outcome
/// and the number of live sessions afterwards.
async fn log_in_while_hash_becomes(then: PasswordHash) -> (LoginOutcome, usize) {
    let (store, user) = registered(plain(OLD)).await;
    let hasher = ChangingHasher { store: store.clone(), user, then, done: AtomicBool::new(false) };
    let answer = log_in(&service(&store, Arc::new(hasher)), OLD).await;
    let live = store.end_all(user, None, ending(EndReason::AdminRevoke, T0)).await;
    (answer, live.expect("the store answers").len())
}

#[tokio::test]
async fn a_password_changed_during_its_verification_opens_no_session() {
    let (answer, live) = log_in_while_hash_becomes(plain(NEW)).await;
    assert!(matches!(answer, LoginOutcome::Wrong), "{answer:?}");
    assert_eq!(live, 0);
}

#[tokio::test]
async fn a_password_rehashed_during_its_verification_is_still_right() {
    // Another login raised the cost of the same password's hash.
    let (answer, live) = log_in_while_hash_becomes(PasswordHash(format!("plain$11${OLD}"))).await;
    assert!(matches!(answer, LoginOutcome::Done(_)), "{answer:?}");
    assert_eq!(live, 1);
}

#[tokio::test]
async fn only_a_successful_login_raises_the_cost_of_an_older_hash() {
    let old = PasswordHash(format!("plain$9${OLD}"));
    let (store, user) = registered(old.clone()).await;
    let service = service(&store, Arc::new(PlainHasher::default()));
    let hash = async || store.by_id(user).await.expect("the store answers").expect("the user").password;
    assert!(matches!(log_in(&service, NEW).await, LoginOutcome::Wrong));
    assert_eq!(hash().await, Some(old));
    assert!(matches!(log_in(&service, OLD).await, LoginOutcome::Done(_)));
    assert_eq!(hash().await, Some(plain(OLD)));
}
