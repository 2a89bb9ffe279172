//! An HTTP client whose answers read as a transcript.

use std::fmt;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::transcript;

/// Talks to one server, with or without a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
}

/// A status, the headers that carry meaning, and a body.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Client {
    pub(crate) fn new(base_url: &str) -> Self {
        // One client for all would share connections between tests' runtimes.
        let http = http().build().expect("a client");
        Self { http, base_url: base_url.to_owned(), token: None }
    }

    /// The same with this access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same without a token.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The token it sends.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a client with a token")
    }

    /// A request, for what the shorthands don't cover.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// DELETE without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// POST of these very bytes as `application/json`.
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body)).await
    }

    /// Sends a request that [`Client::request`] made.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body arrives");
        Answer { status, headers, text }
    }

    /// Registers a user and gives a client that acts as them, with the whole token response.
    pub async fn register(&self, email: &str) -> (Self, Value) {
        let answer = self
            .post("/api/v1/auth/register", json!({"email": email, "password": PASSWORD, "client_id": "test"}))
            .await;
        assert_eq!(answer.status, 201, "{answer}");
        let tokens = answer.json();
        (self.with_token(tokens["access_token"].as_str().expect("an access token")), tokens)
    }

    /// A client of a new user whom no other test knows.
    pub async fn new_user(&self) -> Self {
        self.register("ann@example.com").await.0
    }
}

/// What any client of the suite is built from. It knows no authority: nothing that it talks to speaks TLS, and to read the machine's
/// each time takes longer than most tests.
pub fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}

/// The password of every user that [`Client::register`] makes.
pub const PASSWORD: &str = "Correct-Horse-7";

impl Answer {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("no JSON ({e}): {self}"))
    }

    /// A header, which must be there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self}"));
        value.to_str().expect("a header is text")
    }

    fn text_header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body's `error_code`.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["error_code"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails unless the status is this one; gives itself back.
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "often the status is all that a test asks about"
    )]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Fails unless it is this refusal, in the form that every refusal has.
    pub fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{self}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self}");
        let body = self.json();
        assert_eq!(body["status"], status, "{self}");
        assert_eq!(body["detail"], body["message"], "{self}");
        assert!(body["details"].is_object(), "{self}");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{self}");
        if status == 401 {
            assert!(self.header("www-authenticate").starts_with("Bearer"), "{self}");
        }
    }
}

/// The headers that a transcript shows.
const SHOWN: [&str; 12] = [
    "location",
    "etag",
    "link",
    "x-total-count",
    "allow",
    "retry-after",
    "www-authenticate",
    "cache-control",
    "access-control-allow-origin",
    "ratelimit",
    "ratelimit-policy",
    "set-cookie",
];

/// A transcript: the status, the headers that carry meaning, the body. Placeholders stand for ids, instants and secrets; the
/// members of a problem that are the same in every problem are left out.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        let content_type = self.text_header("content-type");
        if let Some(special) = content_type.filter(|value| *value != "application/json") {
            writeln!(f, "content-type: {special}")?;
        }
        for name in SHOWN {
            for value in self.headers.get_all(HeaderName::from_static(name)) {
                let text = HeaderValue::to_str(value).unwrap_or("(not text)");
                writeln!(f, "{name}: {}", transcript::redact_text(text))?;
            }
        }
        match serde_json::from_str(&self.text) {
            Ok(mut body) => {
                if let (Some("application/problem+json"), Value::Object(problem)) = (content_type, &mut body)
                {
                    let request_id = self.text_header("x-request-id");
                    transcript::without_standard_members(problem, self.status, request_id);
                }
                writeln!(f, "{}", transcript::render(&transcript::redact(body)))
            }
            Err(_) if self.text.is_empty() => Ok(()),
            Err(_) => writeln!(f, "{}", self.text),
        }
    }
}
