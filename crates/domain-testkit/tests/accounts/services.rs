//! The services under test, and the fakes that they run on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::account::{
    AccountPorts, AccountService, AccountStore as _, Administration, Credentials, LoginOutcome, NewUser,
};
use domain::identity::{IdentityPorts, IdentityService};
use domain::instances::{Bus, BusListener, Message};
use domain::limits::{Charge, LimitKey, Quota, Quotas, RateLimiter, RateLimits};
use domain::mail::{NewMail, Outbox as _};
use domain::one_time::OneTimeSecrets;
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Device, EndReason, Grant, Lifetimes, NewSession, RefreshGrant,
    RefreshSecret, RefreshSecrets, Revocation, Revocations, SessionPorts, SessionService, SessionStore as _,
    TokenHash, VerifiedToken,
};
use domain::user::{PasswordHasher, User};
use domain::{Clock as _, OneTimeTokenId, SessionId, Stamp, UserId};
use domain_testkit::build::{T0, email, ending, new_session, new_user, password_hash};
use domain_testkit::{ManualClock, MemoryStore, PlainHasher, RecordingBus, SequentialSecrets};

pub const ANN: &str = "ann@example.com";
/// The password of every account that [`Services::register`] creates.
pub const OLD: &str = "Zebra-Stripe-7";
pub const NEW: &str = "Giraffe-Spot-8";
pub const ANSWERS: &str = "the store answers";

/// A store at a time that stands still, and what the services on it announce.
pub struct Services {
    pub store: Arc<MemoryStore>,
    pub clock: Arc<ManualClock>,
    pub announced: Arc<Announced>,
}

impl Services {
    pub fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new(Arc::new(RecordingBus::new()))),
            clock: Arc::new(ManualClock::at(T0)),
            announced: Arc::default(),
        }
    }

    /// The service of the users, without limits.
    pub fn accounts(&self) -> AccountService {
        self.accounts_with(Arc::new(PlainHasher::default()), None)
    }

    /// The service of the users. The limiter refuses whatever has a quota.
    pub fn accounts_with(&self, hasher: Arc<dyn PasswordHasher>, quotas: Option<Quotas>) -> AccountService {
        let limits = RateLimits::new(Arc::new(NothingAllowed), quotas);
        let sessions = SessionPorts {
            sessions: self.store.clone(),
            revocations: Arc::new(Revocations::new(vec![])),
            access: Arc::new(Tokens),
            refresh: Arc::new(Tokens),
            limits: limits.clone(),
            secrets: Arc::new(SequentialSecrets),
            clock: self.clock.clone(),
        };
        let sessions = SessionService::new(sessions, Lifetimes::default(), 20);
        let identities = IdentityPorts {
            identities: self.store.clone(),
            one_time: self.store.clone(),
            one_time_secrets: Arc::new(Tokens),
            providers: Vec::new(),
            issuers: None,
            limits: limits.clone(),
            secrets: Arc::new(SequentialSecrets),
            clock: self.clock.clone(),
        };
        let ports = AccountPorts {
            accounts: self.store.clone(),
            identities: self.store.clone(),
            one_time: self.store.clone(),
            todos: self.store.clone(),
            one_time_secrets: Arc::new(Tokens),
            hasher,
            limits,
            secrets: Arc::new(SequentialSecrets),
            clock: self.clock.clone(),
        };
        AccountService::new(ports, sessions.clone(), IdentityService::new(identities, sessions))
    }

    /// The service of an operator.
    pub fn administration(&self) -> Administration {
        Administration {
            accounts: self.store.clone(),
            sessions: self.store.clone(),
            one_time: self.store.clone(),
            todos: self.store.clone(),
            bus: Some(self.announced.clone()),
            one_time_secrets: Arc::new(Tokens),
            hasher: Arc::new(PlainHasher::default()),
            secrets: Arc::new(SequentialSecrets),
            clock: self.clock.clone(),
        }
    }

    /// An account whose address is not verified, with the password [`OLD`].
    pub async fn register(&self, address: &str) -> UserId {
        let new = NewUser { email: email(address), password: password_hash(OLD), ..new_user() };
        let user = new.id;
        self.store.register(new, None, T0).await.expect(ANSWERS);
        user
    }

    /// Opens a session of the user now, which lasts for this time.
    pub async fn open(&self, user: UserId, lifetime: Duration) -> SessionId {
        let now = self.clock.now();
        let session = NewSession { access_until: now, ..new_session(now.plus(lifetime)) };
        let id = session.id;
        let opened = self.store.open(user, session, 20, ending(EndReason::DeviceRevoked, now));
        opened.await.expect(ANSWERS).expect("the session opens");
        id
    }

    pub async fn log_in(&self, address: &str, password: &str) -> LoginOutcome {
        let credentials = Credentials { email: email(address), password: password.to_owned() };
        self.accounts().log_in(credentials, Device::default()).await.expect(ANSWERS)
    }

    pub async fn stored(&self, user: UserId) -> Option<User> {
        self.store.by_id(user).await.expect(ANSWERS)
    }

    /// The live sessions of the user, the last used first.
    pub async fn live(&self, user: UserId) -> Vec<SessionId> {
        let live = self.store.live(user, self.clock.now()).await.expect(ANSWERS);
        live.into_iter().map(|session| session.id).collect()
    }

    /// What the instances learn when they read the revocations.
    pub async fn revocations(&self) -> Vec<Revocation> {
        self.store.revocations(None, self.clock.now()).await.expect(ANSWERS).revocations
    }

    /// The accounts that the instances learn to refuse.
    pub async fn disabled(&self) -> Vec<UserId> {
        self.store.revocations(None, self.clock.now()).await.expect(ANSWERS).disabled
    }

    /// The emails that were queued since the last call.
    pub async fn mails(&self) -> Vec<NewMail> {
        let due = self.store.claim(self.clock.now(), Stamp::MAX, 100).await.expect(ANSWERS);
        due.into_iter().map(|queued| queued.mail).collect()
    }
}

/// A bus that keeps what is announced.
#[derive(Default)]
pub struct Announced(Mutex<Vec<Message>>);

impl Announced {
    /// What was announced since the last call.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut *self.0.lock().expect("no announcement panicked"))
    }
}

#[async_trait]
impl Bus for Announced {
    fn announce(&self, message: Message) {
        self.0.lock().expect("no announcement panicked").push(message);
    }

    async fn run(&self, _: &dyn BusListener) {}
}

/// Fake tokens: a secret is an id in plain text, and its hash is its first 32 bytes.
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
    fn derive(&self, id: OneTimeTokenId) -> String {
        id.0.simple().to_string()
    }

    fn hash(&self, secret: &str) -> TokenHash {
        RefreshSecrets::hash(self, secret)
    }
}

/// A rate limiter that refuses everything.
struct NothingAllowed;

#[async_trait]
impl RateLimiter for NothingAllowed {
    async fn charge(&self, _: &LimitKey, quota: Quota, _: Stamp) -> Charge {
        Charge { allowed: false, remaining: 0, retry_after: quota.interval(), quota }
    }

    async fn refund(&self, _: &LimitKey, _: Quota, _: Stamp) {}
}
