//! The whole application without a port.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_web::Error;
use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service, try_call_service};
use adapters_auth::{HmacOneTimeSecrets, HmacRefreshSecrets, JwtAccessTokens, KeyRing};
use api_actix::realtime::Hub;
use api_actix::{Api, ApiSettings, Dependencies, app};
use domain::account::{AccountParts, AccountService};
use domain::identity::{IdentityParts, IdentityService};
use domain::limits::Quotas;
use domain::session::{Lifetimes, LoginDefence, RevocationNews, Revocations, SessionParts, SessionService};
use domain::sync::SyncService;
use domain::todo::TodoService;
use domain::{Clock as _, UserId};
use domain_testkit::build::T0;
use domain_testkit::{FixedClock, MemoryStore, RecordingBus, SequentialSecrets};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::fakes::{Gate, Hasher, Tokens};

/// A page that may call.
pub const ORIGIN: &str = "https://app.example.com";
/// The password of every user here.
pub const PASSWORD: &str = "Zebra-Stripe-7";

/// One server with one store, at a time that stands still.
pub struct World {
    pub store: Arc<MemoryStore>,
    pub bus: Arc<RecordingBus>,
    pub clock: Arc<FixedClock>,
    pub revocations: Arc<Revocations>,
    pub hasher: Arc<Hasher>,
    pub gate: Arc<Gate>,
    api: Arc<Api>,
    service: OnceCell<Service>,
}

/// The application, made once.
type Service = Box<dyn Fn(Request) -> LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Error>>>;

/// A status, headers and a body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A user who is logged in.
pub struct User {
    pub id: String,
    pub token: String,
    pub refresh: String,
}

impl World {
    pub fn new() -> Self {
        Self::with_quota(20_000)
    }

    /// One in which a user may have so many todos.
    pub fn with_quota(todos: u32) -> Self {
        let (hasher, gate) = (Arc::new(Hasher::default()), Arc::new(Gate::default()));
        let quotas = Quotas::default();
        let clock = Arc::new(FixedClock::at(T0));
        let bus = Arc::new(RecordingBus::new());
        let store = Arc::new(MemoryStore::new(bus.clone()));
        let revocations = Arc::new(Revocations::new(vec![]));
        let ring = KeyRing::parse(&"a key for tests".into()).expect("a key");
        let one_time_secrets = Arc::new(HmacOneTimeSecrets::new(&ring));
        let sessions = SessionService::new(
            SessionParts {
                accounts: store.clone(),
                sessions: store.clone(),
                revocations: revocations.clone(),
                hasher: hasher.clone(),
                access: Arc::new(Tokens(JwtAccessTokens::new(&ring, &[], "tests", "tests"))),
                refresh: Arc::new(HmacRefreshSecrets::new(&ring)),
                limiter: gate.clone(),
                secrets: Arc::new(SequentialSecrets),
                clock: clock.clone(),
                issuers: None,
                identities: store.clone(),
            },
            Lifetimes::default(),
            LoginDefence { quotas: Some(quotas), session_cap: 100 },
        );
        let parts =
            AccountParts { one_time: store.clone(), secrets: one_time_secrets.clone(), quotas: Some(quotas) };
        let accounts = AccountService::new(parts, sessions.clone());
        let identities = IdentityParts {
            identities: store.clone(),
            accounts: store.clone(),
            one_time: store.clone(),
            secrets: one_time_secrets,
            providers: vec![],
        };
        let dependencies = Dependencies {
            todos: TodoService::new(store.clone(), clock.clone(), todos),
            sync: SyncService::new(store.clone(), clock.clone(), todos),
            accounts,
            identities: IdentityService::new(identities, sessions.clone()),
            sessions,
            store: store.clone(),
            hub: Hub::new(clock.clone()),
            probe: store.clone(),
            clock: clock.clone(),
            secrets: Arc::new(SequentialSecrets),
        };
        let settings = ApiSettings {
            allowed_origins: vec![ORIGIN.to_owned()],
            api_quota: Some(quotas.api),
            ..ApiSettings::default()
        };
        let api = Api::new(dependencies, settings);
        let world = Self {
            store,
            bus,
            clock,
            revocations,
            hasher,
            gate,
            api: Arc::new(api),
            service: OnceCell::new(),
        };
        world.hear();
        world
    }

    /// The list of revocations is fresh again.
    pub fn hear(&self) {
        self.revocations.refresh(&RevocationNews::default(), self.clock.reading());
    }

    /// Time passes, and the list of revocations stays fresh.
    pub fn wait(&self, time: Duration) {
        self.clock.advance(time);
        self.hear();
    }

    async fn serve(&self) -> Service {
        let service = Rc::new(init_service(app(self.api.clone())).await);
        Box::new(move |request| {
            let service = service.clone();
            Box::pin(async move { Ok(try_call_service(&*service, request).await?.map_into_boxed_body()) })
        })
    }

    pub async fn send(&self, request: TestRequest) -> Answer {
        let service = self.service.get_or_init(|| self.serve()).await;
        let response = match service(request.to_request()).await {
            Ok(response) => response.into_parts().1,
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body()).await.expect("the body is there");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, headers, body }
    }

    /// A request with a token, unless it is empty, and a body, unless it is null.
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

    /// Registers and logs in on the token contract.
    pub async fn user(&self, name: &str) -> User {
        let account = json!({"email": format!("{name}@example.com"), "password": PASSWORD});
        let registered = self.post("", "/auth/register", account).await.expect(201);
        let (token, refresh) = self.log_in(name).await;
        User { id: registered["id"].as_str().expect("an id").to_owned(), token, refresh }
    }

    /// Access and refresh token of another session.
    pub async fn log_in(&self, name: &str) -> (String, String) {
        let account = json!({"email": format!("{name}@example.com"), "password": PASSWORD});
        let tokens = self.post("", "/auth/login", account).await.expect(200);
        let text = |member: &str| tokens[member].as_str().expect("a token").to_owned();
        (text("access_token"), text("refresh_token"))
    }
}

impl User {
    pub fn user_id(&self) -> UserId {
        UserId(self.id.parse().expect("a UUID"))
    }
}

impl Answer {
    /// The body, of an answer with this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:#?}");
        self.body
    }

    /// Fails unless it is this refusal, in the form that every refusal has.
    pub fn refused(&self, status: u16, code: &str) {
        let found = (self.status, self.body["error_code"].as_str().unwrap_or_default());
        assert_eq!(found, (status, code), "{self:#?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["detail"], self.body["message"]);
        assert!(self.body["details"].is_object());
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"));
        let scope = !self.body["details"]["scope"].is_null();
        assert_eq!(self.header("www-authenticate").is_some(), status == 401 || scope, "{self:#?}");
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header is text"))
    }
}
