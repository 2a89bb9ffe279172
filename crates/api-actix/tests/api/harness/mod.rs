//! The application on the in-memory store, at a time that stands still.

mod answer;
mod documented;
mod ports;
mod provider;
mod setup;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service, try_call_service};
use adapters_auth::{HmacOneTimeSecrets, HmacRefreshSecrets};
use api_actix::per_user_gate::PerUserGate;
use api_actix::realtime::Hub;
use api_actix::{Api, Dependencies, app};
use domain::account::{AccountPorts, AccountService};
use domain::identity::{IdentityPorts, IdentityService, Provider};
use domain::limits::RateLimits;
use domain::mail::{Outbox as _, Template};
use domain::one_time::OneTimeSecrets as _;
use domain::session::{
    EndReason, Lifetimes, Revocation, RevocationFeed, Revocations, Revoked, SessionPorts, SessionService,
};
use domain::sync::SyncService;
use domain::todo::{Change, Commit, TodoService, TodoStore as _};
use domain::{Clock, Stamp, UserId};
use domain_testkit::build::{T0, batch, uuid};
use domain_testkit::{ManualClock, MemoryStore, RecordingBus, SequentialSecrets};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub use answer::{Answer, User, delete, get, patch, post};
pub use documented::documented_status;
pub use ports::{Hasher, Limiter, Limits, narrowed, sign};
use ports::{Tee, Tokens, key_ring};
use provider::PlainProvider;
pub use setup::{ORIGIN, PASSWORD, Setup, settings};

/// The application, and the fakes that it runs on.
pub struct TestApi {
    pub api: Arc<Api>,
    pub store: Arc<MemoryStore>,
    pub bus: Arc<RecordingBus>,
    pub hub: Arc<Hub>,
    pub clock: Arc<ManualClock>,
    pub revocations: Arc<Revocations>,
    pub hasher: Arc<Hasher>,
    pub limiter: Arc<Limiter>,
    pub turns: PerUserGate,
    one_time: Arc<HmacOneTimeSecrets>,
    service: OnceCell<Service>,
}

/// The initialised application: workers initialise it once, too.
type Service = Box<dyn Fn(Request) -> LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Error>>>;

impl TestApi {
    pub fn new() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let Setup { settings, quotas, limits, storage, turns, heartbeat, access, .. } = setup;
        let clock = Arc::new(ManualClock::at(T0));
        let hub = Hub::with_heartbeat(clock.clone(), heartbeat);
        let bus = Arc::new(RecordingBus::new());
        let store = Arc::new(MemoryStore::new(Arc::new(Tee { hub: hub.clone(), bus: bus.clone() })));
        let revocations = Arc::new(Revocations::new(vec![hub.clone()]));
        let (hasher, limiter) = (Arc::new(Hasher::default()), Arc::new(Limiter::new(limits)));
        let rate_limits = RateLimits::new(limiter.clone(), quotas);
        let ring = key_ring();
        let one_time = Arc::new(HmacOneTimeSecrets::new(&ring));
        let sessions = SessionService::new(
            SessionPorts {
                sessions: store.clone(),
                revocations: revocations.clone(),
                access: Arc::new(Tokens::new(&ring)),
                refresh: Arc::new(HmacRefreshSecrets::new(&ring)),
                limits: rate_limits.clone(),
                secrets: Arc::new(SequentialSecrets),
                clock: clock.clone(),
            },
            Lifetimes::default(),
            100,
        );
        let todos = (setup.store)(store.clone());
        let api_clock = (setup.clock)(clock.clone(), revocations.clone());
        let accounts = AccountPorts {
            accounts: store.clone(),
            identities: store.clone(),
            one_time: store.clone(),
            todos: todos.clone(),
            one_time_secrets: one_time.clone(),
            hasher: hasher.clone(),
            limits: rate_limits.clone(),
            secrets: Arc::new(SequentialSecrets),
            clock: clock.clone(),
        };
        let provider = |name, up| Arc::new(PlainProvider { name, up }) as Arc<dyn Provider>;
        let identities = IdentityPorts {
            identities: store.clone(),
            one_time: store.clone(),
            one_time_secrets: one_time.clone(),
            providers: vec![provider("acme", true), provider("globex", true), provider("broken", false)],
            issuers: None,
            limits: rate_limits,
            secrets: Arc::new(SequentialSecrets),
            clock: api_clock.clone(),
        };
        let identities = IdentityService::new(identities, sessions.clone());
        let dependencies = Dependencies {
            todos: TodoService::new(store.clone(), clock.clone(), storage),
            sync: SyncService::new(todos, clock.clone(), storage),
            accounts: AccountService::new(accounts, sessions.clone(), identities.clone()).with_policy(access),
            identities,
            sessions,
            hub: hub.clone(),
            probe: store.clone(),
            clock: api_clock,
            secrets: Arc::new(SequentialSecrets),
        };
        let mut api = Api::new(dependencies, settings)
            .with_public_keys(json!({"keys": [{"kty": "OKP", "kid": "1"}]}))
            .with_per_user_gate(turns.clone());
        if let Some(up) = setup.redis {
            api = api.with_redis(move || up);
        }
        let service = OnceCell::new();
        let api = Arc::new(api);
        let api =
            Self { api, store, bus, hub, clock, revocations, hasher, limiter, turns, one_time, service };
        api.confirm_revocations();
        api
    }

    /// Keeps the list of revocations fresh without a new entry.
    pub fn confirm_revocations(&self) {
        self.revocations.refresh(&RevocationFeed::default(), self.clock.reading());
    }

    /// Moves the clock on; the list of revocations stays fresh.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.confirm_revocations();
    }

    /// Disables an account, and tells the list of revocations.
    pub fn disable(&self, user: UserId) {
        self.store.set_active(user, false);
        let news = RevocationFeed { disabled: vec![user], ..RevocationFeed::default() };
        self.revocations.refresh(&news, self.clock.reading());
    }

    /// Revokes tokens of `user` as a logout at [`T0`] does.
    pub fn revoke(&self, user: UserId, what: Revoked) {
        self.revocations.add(&[revocation(user, what)]);
    }

    /// Sends a request; the body of the response is not read yet.
    pub async fn respond(&self, request: Request) -> Result<ServiceResponse<BoxBody>, Error> {
        let service = self.service.get_or_init(|| self.initialise()).await;
        service(request).await
    }

    async fn initialise(&self) -> Service {
        let service = Rc::new(init_service(app(&self.api)).await);
        Box::new(move |request| {
            let service = service.clone();
            Box::pin(async move { Ok(try_call_service(&*service, request).await?.map_into_boxed_body()) })
        })
    }

    pub async fn send(&self, request: TestRequest) -> Answer {
        Answer::of(self.respond(request.to_request()).await).await
    }

    /// Sends a request with a token, unless it is empty, and a body, unless it is null.
    pub async fn call(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let mut request = TestRequest::default().method(method).uri(path);
        if !token.is_empty() {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        if !body.is_null() {
            request = request.set_json(body);
        }
        self.send(request).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(token, Method::POST, path, body).await
    }

    pub async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(token, Method::PUT, path, body).await
    }

    pub async fn patch(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(token, Method::PATCH, path, body).await
    }

    pub async fn delete(&self, token: &str, path: &str) -> Answer {
        self.call(token, Method::DELETE, path, Value::Null).await
    }

    /// Registers `<name>@example.com` on the sync contract.
    pub async fn register(&self, name: &str) -> User {
        let body = json!({"email": email_of(name), "password": PASSWORD, "client_id": "phone"});
        self.send(post("/auth/register", body)).await.user(201)
    }

    /// Registers `<name>@example.com` and logs in on the token contract.
    pub async fn user(&self, name: &str) -> User {
        let account = json!({"email": email_of(name), "password": PASSWORD});
        let registered = self.post("", "/auth/register", account).await.expect(201);
        let id = registered["id"].as_str().and_then(|id| id.parse().ok()).expect("a UUID");
        let (token, refresh) = self.log_in(name).await;
        User { id: UserId(id), email: email_of(name), token, refresh }
    }

    /// Opens another session on the token contract: its access and refresh token.
    pub async fn log_in(&self, name: &str) -> (String, String) {
        let account = json!({"email": email_of(name), "password": PASSWORD});
        let tokens = self.post("", "/auth/login", account).await.expect(200);
        let text = |member: &str| tokens[member].as_str().expect("a token").to_owned();
        (text("access_token"), text("refresh_token"))
    }

    /// The token in the last mail of this kind to the address; each email is handed out once.
    pub async fn mailed(&self, template: Template, to: &str) -> Option<String> {
        let now = self.clock.now();
        let due = self.store.claim(now, now.plus(Duration::from_hours(1000)), 100).await.expect("answers");
        let mut mails = due.into_iter().map(|queued| queued.mail);
        let mail = mails.rfind(|mail| mail.template == template && mail.to.as_str() == to)?;
        Some(mail.token.map(|token| self.one_time.derive(token)).unwrap_or_default())
    }

    /// The epoch of the user's list.
    pub async fn epoch(&self, user: UserId) -> String {
        let position = self.store.position(user).await.expect("the store answers").expect("a user");
        position.epoch().to_string()
    }

    /// Commits changes in one batch.
    pub async fn commit(&self, user: UserId, changes: impl IntoIterator<Item = Change>) {
        let done = self.store.commit(user, batch(changes), T0).await.expect("commit answers");
        assert!(matches!(done, Commit::Done(_)), "{done:?}");
    }

    pub async fn sync_clock(&self, user: UserId) -> Stamp {
        self.store.position(user).await.expect("position answers").expect("the user exists").clock
    }
}

/// A logout at [`T0`].
pub fn revocation(user: UserId, what: Revoked) -> Revocation {
    let until = T0.plus(Duration::from_hours(1));
    Revocation { what, user, reason: EndReason::Logout, at: T0, until }
}

/// An address without an account.
pub fn address() -> String {
    email_of(&uuid().simple().to_string())
}

fn email_of(name: &str) -> String {
    format!("{name}@example.com")
}
