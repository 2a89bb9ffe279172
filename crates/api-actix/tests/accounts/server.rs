//! The application, and requests to it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::cookie::Cookie;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::test::{TestRequest, call_service, init_service};
use api_actix::realtime::Hub;
use api_actix::turns::Turns;
use api_actix::{Api, ApiSettings, Dependencies, app};
use domain::account::{AccountParts, AccountService, OneTimeSecrets as _};
use domain::identity::{IdentityParts, IdentityService, Provider};
use domain::limits::Quotas;
use domain::mail::{Outbox as _, Template};
use domain::session::{
    Lifetimes, LoginDefence, RevocationNews, Revocations, SessionParts, SessionService, SessionStore as _,
};
use domain::sync::SyncService;
use domain::todo::TodoService;
use domain::{Clock as _, UserId};
use domain_testkit::build::{T0, uuid};
use domain_testkit::{FixedClock, MemoryStore, PlainHasher, RecordingBus, SequentialSecrets};
use serde_json::{Value, json};

use crate::fakes::{MapLimiter, PlainProvider, PlainSecrets, PlainTokens};

/// A page that may send requests.
pub const ORIGIN: &str = "https://app.example.com";
/// A password that is strong enough.
pub const PASSWORD: &str = "Zebra-Stripe-7";

/// The application with everything it stands on.
pub struct Server {
    pub api: Arc<Api>,
    pub turns: Turns,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<FixedClock>,
    revocations: Arc<Revocations>,
}

impl Server {
    /// One that counts nothing.
    pub fn start() -> Self {
        Self::with(None, ApiSettings::default())
    }

    pub fn with(quotas: Option<Quotas>, settings: ApiSettings) -> Self {
        Self::with_turns(quotas, settings, Turns::default())
    }

    pub fn with_turns(quotas: Option<Quotas>, settings: ApiSettings, turns: Turns) -> Self {
        let clock = Arc::new(FixedClock::at(T0));
        let hub = Hub::new(clock.clone());
        let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
        let revocations = Arc::new(Revocations::new(vec![hub.clone()]));
        revocations.refresh(&RevocationNews::default(), clock.reading());
        let parts = SessionParts {
            accounts: store.clone(),
            sessions: store.clone(),
            revocations: revocations.clone(),
            hasher: Arc::new(PlainHasher::default()),
            access: Arc::new(PlainTokens),
            refresh: Arc::new(PlainSecrets),
            limiter: Arc::new(MapLimiter::default()),
            secrets: Arc::new(SequentialSecrets),
            clock: clock.clone(),
            issuers: None,
            identities: store.clone(),
        };
        let defence = LoginDefence { quotas, session_cap: 20 };
        let sessions = SessionService::new(parts, Lifetimes::default(), defence);
        let account_parts = AccountParts { one_time: store.clone(), secrets: Arc::new(PlainSecrets), quotas };
        let accounts = AccountService::new(account_parts, sessions.clone());
        let provider = |name, up| Arc::new(PlainProvider { name, up }) as Arc<dyn Provider>;
        let identities = IdentityService::new(
            IdentityParts {
                identities: store.clone(),
                accounts: store.clone(),
                one_time: store.clone(),
                secrets: Arc::new(PlainSecrets),
                providers: vec![provider("acme", true), provider("globex", true), provider("broken", false)],
            },
            sessions.clone(),
        );
        let dependencies = Dependencies {
            todos: TodoService::new(store.clone(), clock.clone(), 100_000),
            sync: SyncService::new(store.clone(), clock.clone(), 100_000),
            accounts,
            identities,
            sessions,
            store: store.clone(),
            hub,
            probe: store.clone(),
            clock: clock.clone(),
            secrets: Arc::new(SequentialSecrets),
        };
        let settings = ApiSettings {
            allowed_origins: vec![ORIGIN.to_owned()],
            frontend_url: format!("{ORIGIN}/home"),
            ..settings
        };
        let api = Api::new(dependencies, settings)
            .with_public_keys(json!({"keys": [{"kty": "OKP", "kid": "1"}]}))
            .with_turns(turns.clone());
        Self { api: Arc::new(api), turns, store, clock, revocations }
    }

    /// Sends a request whose path begins under `/api/v1`, or is whole where it begins with a dot.
    pub async fn send(&self, request: TestRequest) -> Reply {
        let service = init_service(app(self.api.clone())).await;
        let response = call_service(&service, request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let cookies = response.response().cookies().map(Cookie::into_owned).collect();
        let body = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("the body broke off"));
        Reply { status, headers, cookies, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// Lets time pass, and this instance read the revocations.
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.poll().await;
    }

    pub async fn poll(&self) {
        let reading = self.clock.reading();
        let news = self.store.revocations(None, reading.now).await.expect("the store answers");
        self.revocations.refresh(&news, reading);
    }

    /// Registers a user.
    pub async fn register(&self, email: &str) -> User {
        let body = json!({"email": email, "password": PASSWORD, "client_id": "phone"});
        self.send(post("/auth/register", body)).await.logged_in(201)
    }

    /// The secret of the last mail of this kind to the address, which is not given again.
    pub async fn mailed(&self, template: Template, to: &str) -> Option<String> {
        let now = self.clock.now();
        let due = self.store.claim(now, now.plus(Duration::from_hours(1000)), 100).await.expect("answers");
        let mut mails = due.into_iter().map(|queued| queued.mail);
        let mail = mails.rfind(|mail| mail.template == template && mail.to.as_str() == to)?;
        Some(mail.token.map(|token| PlainSecrets.derive(token)).unwrap_or_default())
    }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub cookies: Vec<Cookie<'static>>,
    pub body: Value,
}

impl Reply {
    /// Status and error code.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error_code"].as_str().unwrap_or_default())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn cookie(&self, name: &str) -> Option<&Cookie<'static>> {
        self.cookies.iter().find(|cookie| cookie.name() == name)
    }

    /// The user of a token response.
    pub fn logged_in(&self, status: u16) -> User {
        assert_eq!(self.status, status, "{self:?}");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let id = text(&self.body["user"]["id"]);
        User {
            id: UserId(id.parse().expect("a UUID")),
            email: self.body["user"]["email"].as_str().unwrap_or_default().to_owned(),
            token: text(&self.body["access_token"]),
            refresh: text(&self.body["refresh_token"]),
        }
    }
}

/// A logged-in user.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub token: String,
    pub refresh: String,
}

impl User {
    /// The request with the user's token.
    pub fn ask(&self, request: TestRequest) -> TestRequest {
        request.insert_header((AUTHORIZATION, format!("Bearer {}", self.token)))
    }

    /// A token of the same session that can't touch the account.
    pub fn narrow(&self) -> Self {
        Self { token: format!("{}.todos:read.todos:write", self.token), ..self.clone() }
    }
}

pub fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(&format!("/api/v1{path}"))
}

pub fn delete(path: &str) -> TestRequest {
    TestRequest::delete().uri(&format!("/api/v1{path}"))
}

pub fn post(path: &str, body: Value) -> TestRequest {
    TestRequest::post().uri(&format!("/api/v1{path}")).set_json(body)
}

pub fn patch(path: &str, body: Value) -> TestRequest {
    TestRequest::patch().uri(&format!("/api/v1{path}")).set_json(body)
}

/// An address nobody has.
pub fn address() -> String {
    format!("{}@example.com", uuid().simple())
}
