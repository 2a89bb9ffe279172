//! An HTTP client whose answers print as transcripts.

use std::fmt;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::transcript;

/// A client of one server, with or without an access token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
}

/// A response.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Client {
    /// A client of the server at `base_url`, without a token.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        // A shared client would share connections between the runtimes of different tests.
        let http = http().build().expect("a client");
        Self { http, base_url: base_url.to_owned(), token: None }
    }

    /// The same client with this access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client without a token.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The access token of a client that has one.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a client with a token")
    }

    /// Starts a request that the methods below do not cover; [`Client::send`] sends it.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a POST request with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// Sends a PATCH request with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Sends a PUT request with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// Sends a DELETE request without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Sends a POST request with these bytes as `application/json`.
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body)).await
    }

    /// Sends a request from [`Client::request`].
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body arrives");
        Answer { status, headers, text }
    }

    /// Registers a user; returns a client with the user's token, and the token response.
    pub async fn register(&self, email: &str) -> (Self, Value) {
        let answer = self
            .post("/api/v1/auth/register", json!({"email": email, "password": PASSWORD, "client_id": "test"}))
            .await;
        assert_eq!(answer.status, 201, "{answer}");
        let tokens = answer.json();
        (self.with_token(tokens["access_token"].as_str().expect("an access token")), tokens)
    }

    /// Registers a user and returns a client with the user's token.
    pub async fn new_user(&self) -> Self {
        self.register("ann@example.com").await.0
    }
}

/// A builder for HTTP clients without certificate authorities: no server of the tests speaks TLS,
/// and loading the machine's authorities takes longer than most tests.
pub fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}

/// The password of every user of [`Client::register`].
pub const PASSWORD: &str = "Correct-Horse-7";

impl Answer {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("no JSON ({e}): {self}"))
    }

    /// The value of a header that must be present.
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

    /// Asserts the status; returns the answer.
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "often the status is all that a test asks about"
    )]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Asserts that the answer is a problem with this status and code, in the form that every
    /// problem has.
    pub fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{self}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self}");
        let body = self.json();
        assert!(body["details"].is_object(), "{self}");
        let Value::Object(mut problem) = body else { panic!("not an object: {self}") };
        let members = problem.len();
        transcript::without_standard_members(&mut problem, status, Some(self.header("x-request-id")));
        assert_eq!(
            members - problem.len(),
            transcript::STANDARD_MEMBERS,
            "a standard member is missing: {self}"
        );
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

/// A transcript: the status, the headers that carry meaning, the body. Placeholders stand for ids,
/// instants and secrets; the members of a problem that are the same in every problem are left out.
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
