//! Requests as a table tells them, and the scene in which they are sent.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use domain::Clock as _;
use domain::session::{EndReason, Revocation, Revoked};
use serde_json::{Value, json};

use crate::fakes::SCOPELESS;
use crate::world::{Answer, User, World};

/// A world with two users, of whom Ann has all the todos that she may have: one.
pub struct Scene {
    pub world: World,
    pub ann: User,
    bob: User,
    uuid: String,
}

impl Scene {
    pub async fn new() -> Self {
        let world = World::with_quota(1);
        let (ann, bob) = (world.user("ann").await, world.user("bob").await);
        let todo = world.post(&ann.token, "/todos", json!({"title": "Buy milk"})).await.expect(201);
        let uuid = todo["id"].as_str().expect("text").to_owned();
        Self { world, ann, bob, uuid }
    }

    pub fn wait_hours(&self, hours: u64) {
        self.world.wait(Duration::from_hours(hours));
    }

    /// Time passes, and this instance does not hear of revocations.
    pub fn wait_unheard_seconds(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    /// Ends what is Ann's.
    pub fn revoke(&self, what: Revoked) {
        let now = self.world.clock.now();
        let (reason, until) = (EndReason::Logout, now.plus(Duration::from_hours(1)));
        let user = self.ann.user_id();
        self.world.revocations.add(&[Revocation { what, user, reason, at: now, until }]);
    }

    /// Sends a request as one called `the-request`.
    pub async fn send(&self, request: &Request) -> Answer {
        let path = request.path.replace("{user}", &self.ann.id).replace("{uuid}", &self.uuid);
        let mut built = TestRequest::default().method(request.method.clone()).uri(&path);
        built = built.insert_header(("x-request-id", "the-request"));
        if let Some(token) = self.token(request.who) {
            built = built.insert_header(("authorization", format!("Bearer {token}")));
        }
        for header in &request.headers {
            built = built.insert_header(*header);
        }
        let body = request.body.as_ref().map(|body| body(self));
        self.world
            .send(match request.raw.map(str::to_owned).or(body.map(|body| body.to_string())) {
                Some(text) => built.set_payload(text),
                None => built,
            })
            .await
    }

    fn token(&self, who: Who) -> Option<String> {
        Some(match who {
            Who::Nobody => return None,
            Who::Ann => self.ann.token.clone(),
            Who::Bob => self.bob.token.clone(),
            Who::Scopeless => format!("{SCOPELESS}{}", self.ann.token),
            Who::Nonsense => "nonsense".to_owned(),
            Who::Forger => {
                let (head, _) = self.ann.token.rsplit_once('.').expect("a JWT");
                format!("{head}.{}", "A".repeat(43))
            }
        })
    }
}

/// With whose token a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Nobody,
    Ann,
    Bob,
    /// Ann, with a token that allows nothing.
    Scopeless,
    /// What they send is no token.
    Nonsense,
    /// Their signature is wrong.
    Forger,
}

type Body = Box<dyn Fn(&Scene) -> Value>;

/// A request. In `path`, `{user}` and `{uuid}` stand for Ann and her todo.
pub struct Request {
    method: Method,
    path: String,
    pub who: Who,
    headers: Vec<(&'static str, &'static str)>,
    body: Option<Body>,
    raw: Option<&'static str>,
}

impl Request {
    fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), who: Who::Nobody, headers: vec![], body: None, raw: None }
    }

    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: &str, body: Value) -> Self {
        Self::post_of(path, move |_| body.clone())
    }

    pub fn post_of(path: &str, body: impl Fn(&Scene) -> Value + 'static) -> Self {
        let headers = vec![("content-type", "application/json")];
        Self { headers, body: Some(Box::new(body)), ..Self::new(Method::POST, path) }
    }

    /// What a browser asks before a page of another origin may post.
    pub fn preflight(path: &str, origin: &'static str) -> Self {
        let headers = vec![("origin", origin), ("access-control-request-method", "POST")];
        Self { headers, ..Self::new(Method::OPTIONS, path) }
    }

    pub fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }

    /// With this member in its body.
    pub fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        let (body, value) = (self.body.expect("a request with a body"), value.into());
        let changed: Body = Box::new(move |scene| {
            let mut body = body(scene);
            body[name] = value.clone();
            body
        });
        Self { body: Some(changed), ..self }
    }

    /// With this for a body.
    pub fn raw(self, text: &'static str) -> Self {
        Self { raw: Some(text), ..self }
    }

    pub fn typed(self, content_type: &'static str) -> Self {
        Self { headers: vec![("content-type", content_type)], ..self }
    }

    /// Sent after something happened.
    pub fn after(self, happens: fn(&Scene)) -> Trial {
        Trial { happens, request: self }
    }
}

/// What happens, and the request that then meets a refusal.
pub struct Trial {
    pub happens: fn(&Scene),
    pub request: Request,
}

impl From<Request> for Trial {
    fn from(request: Request) -> Self {
        request.after(|_| ())
    }
}
