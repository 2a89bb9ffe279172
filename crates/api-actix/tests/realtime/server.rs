//! The whole application on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use api_actix::realtime::{Hub, Pace};
use api_actix::{Api, ApiSettings, Dependencies, app};
use async_trait::async_trait;
use domain::account::{AccountParts, AccountService, AccountStore as _, OneTimeId, OneTimeSecrets};
use domain::event::{EventBus, TodoEvent};
use domain::identity::{IdentityParts, IdentityService};
use domain::limits::{Charge, LimitKey, Quota, RateLimiter};
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, EndReason, Grant, Lifetimes, LoginDefence, RefreshGrant,
    RefreshSecret, RefreshSecrets, Revocation, RevocationNews, Revocations, Revoked, Scope, SessionParts,
    SessionService, TokenHash, VerifiedToken,
};
use domain::sync::SyncService;
use domain::todo::{Change, Commit, TodoService, TodoStore};
use domain::{Clock, SessionId, Stamp, TokenId, UserId};
use domain_testkit::build::{T0, batch, create, new_user, todo_id, uuid};
use domain_testkit::{FixedClock, MemoryStore, PlainHasher, RecordingBus, SequentialSecrets};

use crate::client::Socket;

/// A page that may open sockets.
pub const ORIGIN: &str = "https://app.example.com";

/// What a test may change before the server starts.
pub struct Setup {
    pub pace: Pace,
    /// Stands before the store for reads by sockets.
    pub store: fn(Arc<MemoryStore>) -> Arc<dyn TodoStore>,
    /// Called whenever the API, not the domain, reads the clock.
    pub on_clock: Box<dyn Fn(&Revocations) + Send + Sync>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { pace: Pace::default(), store: |store| store, on_clock: Box::new(|_| ()) }
    }
}

/// A running server; it stops when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub store: Arc<MemoryStore>,
    pub hub: Arc<Hub>,
    pub bus: Arc<RecordingBus>,
    pub revocations: Arc<Revocations>,
    handle: ServerHandle,
}

impl Server {
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let clock = Arc::new(FixedClock::at(T0));
        let hub = Hub::with_pace(clock.clone(), setup.pace);
        let bus = Arc::new(RecordingBus::new());
        let store = Arc::new(MemoryStore::new(Arc::new(Tee { hub: hub.clone(), bus: bus.clone() })));
        let revocations = Arc::new(Revocations::new(vec![hub.clone()]));
        revocations.refresh(&RevocationNews::default(), clock.reading());
        let api_clock =
            HookedClock { clock: clock.clone(), revocations: revocations.clone(), hook: setup.on_clock };
        let sessions = SessionService::new(
            SessionParts {
                accounts: store.clone(),
                sessions: store.clone(),
                revocations: revocations.clone(),
                hasher: Arc::new(PlainHasher::default()),
                access: Arc::new(PlainTokens),
                refresh: Arc::new(NoRefresh),
                limiter: Arc::new(NoLimits),
                secrets: Arc::new(SequentialSecrets),
                clock: clock.clone(),
                issuers: None,
                identities: store.clone(),
            },
            Lifetimes::default(),
            LoginDefence { quotas: None, session_cap: 100 },
        );
        let parts =
            AccountParts { one_time: store.clone(), secrets: Arc::new(NoOneTimeTokens), quotas: None };
        let accounts = AccountService::new(parts, sessions.clone());
        let identities = IdentityParts {
            identities: store.clone(),
            accounts: store.clone(),
            one_time: store.clone(),
            secrets: Arc::new(NoOneTimeTokens),
            providers: vec![],
        };
        let dependencies = Dependencies {
            todos: TodoService::new(store.clone(), clock.clone(), 100_000),
            sync: SyncService::new(store.clone(), clock.clone(), 100_000),
            accounts,
            identities: IdentityService::new(identities, sessions.clone()),
            sessions,
            store: (setup.store)(store.clone()),
            hub: hub.clone(),
            probe: store.clone(),
            clock: Arc::new(api_clock),
            secrets: Arc::new(SequentialSecrets),
        };
        let settings = ApiSettings { allowed_origins: vec![ORIGIN.to_owned()], ..ApiSettings::default() };
        let api = Arc::new(Api::new(dependencies, settings));
        let server = HttpServer::new(move || app(api.clone())).workers(2).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).expect("a free port");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { address, store, hub, bus, revocations, handle }
    }

    /// A new user without todos.
    pub async fn user(&self) -> User {
        let user = new_user();
        let id = user.id;
        self.store.register(user, None, T0).await.expect("register answers");
        User { id, session: SessionId(uuid()), token: TokenId(uuid()) }
    }

    /// Commits changes of `user` in one batch.
    pub async fn commit(&self, user: &User, changes: impl IntoIterator<Item = Change>) {
        let done = self.store.commit(user.id, batch(changes), T0).await.expect("commit answers");
        assert!(matches!(done, Commit::Done(_)), "{done:?}");
    }

    pub async fn clock(&self, user: &User) -> Stamp {
        self.store.clock(user.id).await.expect("clock answers").expect("the user exists")
    }

    /// A socket of `user`.
    pub async fn open(&self, user: &User, query: &str) -> Socket {
        Socket::open(self.address, &user.token(), query).await.expect("the socket opens")
    }

    /// A socket of `user` that is live, and the stamp its `ready` gave.
    pub async fn live(&self, user: &User, query: &str) -> (Socket, String) {
        let mut socket = self.open(user, query).await;
        let ready = socket.next().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        (socket, ready["sync_timestamp"].as_str().expect("a stamp").to_owned())
    }

    /// Ends a session or a token as if a user had.
    pub fn revoke(&self, user: &User, what: Revoked) {
        self.revocations.add(&[user.revocation(what)]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent at once; the future only tells when it is done.
        drop(self.handle.stop(false));
    }
}

/// A user with one session and one token of it.
#[derive(Clone)]
pub struct User {
    pub id: UserId,
    pub session: SessionId,
    pub token: TokenId,
}

impl User {
    /// A token that holds for an hour.
    pub fn token(&self) -> String {
        self.token_for(Duration::from_hours(1))
    }

    pub fn token_for(&self, lifetime: Duration) -> String {
        plain_token(self, T0.plus(lifetime), "todos:read todos:write account")
    }

    /// The same user on another device.
    pub fn elsewhere(&self) -> Self {
        Self { session: SessionId(uuid()), token: TokenId(uuid()), ..self.clone() }
    }

    pub fn revocation(&self, what: Revoked) -> Revocation {
        let until = T0.plus(Duration::from_hours(1));
        Revocation { what, user: self.id, reason: EndReason::Logout, at: T0, until }
    }
}

/// A token that says in clear what it says.
pub fn plain_token(user: &User, expires_at: Stamp, scopes: &str) -> String {
    let scopes = scopes.replace(' ', "+");
    format!("{}.{}.{}.{}.{scopes}", user.id.0, user.session.0, user.token.0, expires_at.as_micros())
}

struct PlainTokens;

impl AccessTokens for PlainTokens {
    fn issue(&self, _: &Grant) -> AccessToken {
        unreachable!("nobody logs in here")
    }

    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure> {
        let parts: Vec<_> = token.split('.').collect();
        let [user, session, id, expires_at, scopes] = parts[..] else {
            return Err(AuthFailure::Malformed);
        };
        let uuid = |text: &str| text.parse().map_err(|_| AuthFailure::NotTrusted);
        let micros = expires_at.parse().map_err(|_| AuthFailure::Malformed)?;
        let expires_at = Stamp::from_micros(micros).ok_or(AuthFailure::Malformed)?;
        if expires_at.plus(Duration::from_secs(30)) <= now {
            return Err(AuthFailure::Expired);
        }
        Ok(VerifiedToken {
            user: UserId(uuid(user)?),
            subject: user.to_owned(),
            session: SessionId(uuid(session)?),
            token: TokenId(uuid(id)?),
            expires_at,
            scopes: Scope::ALL
                .into_iter()
                .filter(|s| scopes.split('+').any(|word| word == s.as_str()))
                .collect(),
        })
    }

    fn issue_refresh(&self, _: &RefreshGrant) -> RefreshSecret {
        unreachable!("nobody logs in here")
    }

    fn verify_refresh(&self, _: &str, _: Stamp) -> Result<(), AuthFailure> {
        unreachable!("nobody refreshes here")
    }
}

struct NoRefresh;

impl RefreshSecrets for NoRefresh {
    fn derive(&self, _: SessionId, _: u32) -> RefreshSecret {
        unreachable!("nobody refreshes here")
    }

    fn derive_all(&self, _: SessionId, _: u32) -> Vec<RefreshSecret> {
        unreachable!("nobody refreshes here")
    }

    fn hash(&self, _: &str) -> TokenHash {
        unreachable!("nobody refreshes here")
    }
}

struct NoOneTimeTokens;

impl OneTimeSecrets for NoOneTimeTokens {
    fn derive(&self, _: OneTimeId) -> String {
        unreachable!("nobody is sent a mail here")
    }

    fn hash(&self, _: &str) -> TokenHash {
        unreachable!("nobody proves anything here")
    }
}

struct NoLimits;

#[async_trait]
impl RateLimiter for NoLimits {
    async fn charge(&self, _: &LimitKey, _: Quota, _: Stamp) -> Charge {
        unreachable!("nobody logs in here")
    }

    async fn give_back(&self, _: &LimitKey, _: Quota, _: Stamp) {
        unreachable!("nobody logs in here")
    }
}

struct HookedClock {
    clock: Arc<FixedClock>,
    revocations: Arc<Revocations>,
    hook: Box<dyn Fn(&Revocations) + Send + Sync>,
}

impl Clock for HookedClock {
    fn now(&self) -> Stamp {
        (self.hook)(&self.revocations);
        self.clock.now()
    }

    fn uptime(&self) -> Duration {
        self.clock.uptime()
    }
}

/// Publishes to the hub, and keeps what it published.
struct Tee {
    hub: Arc<Hub>,
    bus: Arc<RecordingBus>,
}

impl EventBus for Tee {
    fn publish(&self, user: UserId, events: Vec<TodoEvent>) {
        self.bus.publish(user, events.clone());
        self.hub.publish(user, events);
    }
}

/// The creation of `count` todos.
pub fn creations(count: usize) -> Vec<Change> {
    (0..count).map(|n| create(todo_id(), &format!("todo {n}"))).collect()
}
