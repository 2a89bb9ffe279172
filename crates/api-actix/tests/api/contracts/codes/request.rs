//! Requests as the table writes them, and the scene in which they are sent.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use domain::account::{AccessPolicy, Registration};
use domain_testkit::build::{at_most, todo_id};
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, Setup, TestApi, User, get, narrowed, post};

/// Two users, of whom Ann has as many todos as the quota allows: one.
pub struct Scene {
    pub api: TestApi,
    pub ann: User,
    bob: User,
    uuid: String,
    /// A refresh token of the sync contract.
    v1_refresh: String,
    /// The state of a login with a provider, and the cookie that binds it to the browser.
    state: String,
    binding: String,
}

impl Scene {
    pub async fn new() -> Self {
        let api = TestApi::with(Setup { storage: at_most(1), ..Setup::default() });
        let (ann, bob) = (api.user("ann").await, api.user("bob").await);
        let todo = api.post(&ann.token, "/todos", json!({"title": "Buy milk"})).await.expect(201);
        let uuid = todo["id"].as_str().expect("text").to_owned();
        let account = json!({"email": ann.email, "password": PASSWORD});
        let v1_refresh = api.send(post("/auth/login", account)).await.user(200).refresh;
        let login = api.send(get("/auth/oauth/acme/login")).await;
        let (_, state) = login.header("location").and_then(|to| to.split_once("state=")).expect("a state");
        let (cookie, state) = (&login.cookies[0], state.to_owned());
        let binding = format!("{}={}", cookie.name(), cookie.value());
        Self { api, ann, bob, uuid, v1_refresh, state, binding }
    }

    /// Moves the clock on; the list of revocations stays fresh.
    pub fn pass_hours(&self, hours: u64) {
        self.api.advance(Duration::from_hours(hours));
    }

    /// Moves the clock on without a reading of the revocations.
    pub fn pass_seconds_without_revocations(&self, seconds: u64) {
        self.api.clock.advance(Duration::from_secs(seconds));
    }

    fn filled(&self, text: &str) -> String {
        text.replace("{user}", &self.ann.id.to_string())
            .replace("{uuid}", &self.uuid)
            .replace("{unknown}", &todo_id().to_string())
            .replace("{refresh}", &self.ann.refresh)
            .replace("{v1_refresh}", &self.v1_refresh)
            .replace("{state}", &self.state)
            .replace("{binding}", &self.binding)
    }

    /// Sends a request with the id `the-request`.
    pub async fn send(&self, request: &Request) -> Answer {
        let path = self.filled(&request.path);
        let mut built = TestRequest::default().method(request.method.clone()).uri(&path);
        built = built.insert_header(("x-request-id", "the-request"));
        if let Some(token) = self.token(request.sender) {
            built = built.insert_header(("authorization", format!("Bearer {token}")));
        }
        for (name, value) in &request.headers {
            built = built.insert_header((*name, self.filled(value)));
        }
        let body = request.raw.map(str::to_owned).or(request.body.as_ref().map(Value::to_string));
        if let Some(body) = body {
            built = built.set_payload(self.filled(&body));
        }
        if let Some(access) = request.access {
            return TestApi::with(Setup { access, ..Setup::default() }).send(built).await;
        }
        self.api.send(built).await
    }

    fn token(&self, sender: Sender) -> Option<String> {
        Some(match sender {
            Sender::Anonymous => return None,
            Sender::Ann => self.ann.token.clone(),
            Sender::Bob => self.bob.token.clone(),
            Sender::WithoutScopes => narrowed(&self.ann.token, ""),
            Sender::Malformed => "nonsense".to_owned(),
            Sender::Forger => {
                let (head, _) = self.ann.token.rsplit_once('.').expect("a JWT");
                format!("{head}.{}", "A".repeat(43))
            }
        })
    }
}

/// Whose token a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// No token.
    Anonymous,
    Ann,
    Bob,
    /// Ann, with a token that has no scope.
    WithoutScopes,
    /// Something that is not a token.
    Malformed,
    /// A token with a wrong signature.
    Forger,
}

/// A request. Path, headers and body may hold the placeholders of [`Scene::filled`].
pub struct Request {
    method: Method,
    path: String,
    pub sender: Sender,
    headers: Vec<(&'static str, &'static str)>,
    body: Option<Value>,
    raw: Option<&'static str>,
    /// The policy of another server, to which the request goes.
    access: Option<AccessPolicy>,
}

impl Request {
    fn new(method: Method, path: &str) -> Self {
        let sender = Sender::Anonymous;
        Self { method, path: path.to_owned(), sender, headers: vec![], body: None, raw: None, access: None }
    }

    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn delete(path: &str) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub fn post(path: &str, body: Value) -> Self {
        let headers = vec![("content-type", "application/json")];
        Self { headers, body: Some(body), ..Self::new(Method::POST, path) }
    }

    /// The CORS preflight of a POST.
    pub fn preflight(path: &str, origin: &'static str) -> Self {
        let headers = vec![("origin", origin), ("access-control-request-method", "POST")];
        Self { headers, ..Self::new(Method::OPTIONS, path) }
    }

    pub fn by(self, sender: Sender) -> Self {
        Self { sender, ..self }
    }

    /// Sets a member of the body.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.body.as_mut().expect("a request with a body")[name] = value.into();
        self
    }

    /// Replaces the body.
    pub fn raw(self, text: &'static str) -> Self {
        Self { raw: Some(text), ..self }
    }

    /// Sends the request to a server that sends no mail.
    pub fn without_mail(self) -> Self {
        let access = AccessPolicy { mail: false, ..AccessPolicy::default() };
        Self { access: Some(access), ..self }
    }

    /// Sends the request to a server that accepts registrations by invitation.
    pub fn by_invitation(self) -> Self {
        let access = AccessPolicy { registration: Registration::Invite, ..AccessPolicy::default() };
        Self { access: Some(access), ..self }
    }

    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Changes the scene before the request is sent.
    pub fn after(self, before: fn(&Scene)) -> Case {
        Case { before, request: self }
    }
}

/// A request that is refused, and what happens before it.
pub struct Case {
    pub before: fn(&Scene),
    pub request: Request,
}

impl From<Request> for Case {
    fn from(request: Request) -> Self {
        request.after(|_| ())
    }
}
