//! Requests, and what comes back.

use std::fmt;

use actix_web::Error;
use actix_web::body::{BoxBody, to_bytes};
use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::test::TestRequest;
use domain::UserId;
use serde_json::Value;

/// A response. The body is null unless it is JSON.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub cookies: Vec<Cookie<'static>>,
    pub body: Value,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        write!(f, "{:#}", self.body)
    }
}

impl Answer {
    pub async fn of(response: Result<ServiceResponse<BoxBody>, Error>) -> Self {
        let response = match response {
            Ok(response) => response.into_parts().1,
            // The connection makes this response of a middleware that failed.
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let cookies = response.cookies().map(Cookie::into_owned).collect();
        let bytes = to_bytes(response.into_body()).await.expect("the whole body");
        Self { status, headers, cookies, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// Returns the body of an answer that must have this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }

    /// Status and error code.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error_code"].as_str().unwrap_or_default())
    }

    /// Fails unless this is that refusal, with everything that each refusal has.
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.refusal(), (status, code), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert!(self.header("x-content-type-options").is_some());
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["detail"], self.body["message"]);
        assert!(self.body["details"].is_object());
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"));
        let scope = !self.body["details"]["scope"].is_null();
        assert_eq!(self.header("www-authenticate").is_some(), status == 401 || scope, "{self:?}");
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header is text"))
    }

    pub fn cookie(&self, name: &str) -> Option<&Cookie<'static>> {
        self.cookies.iter().find(|cookie| cookie.name() == name)
    }

    /// The user of a token response of the sync contract.
    pub fn user(&self, status: u16) -> User {
        assert_eq!(self.status, status, "{self:?}");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        User {
            id: UserId(text(&self.body["user"]["id"]).parse().expect("a UUID")),
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
    /// Adds the user's token to a request.
    pub fn ask(&self, request: TestRequest) -> TestRequest {
        request.insert_header((AUTHORIZATION, format!("Bearer {}", self.token)))
    }
}

/// A request to a path under `/api/v1`.
pub fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(&format!("/api/v1{path}"))
}

/// A request to a path under `/api/v1`.
pub fn delete(path: &str) -> TestRequest {
    TestRequest::delete().uri(&format!("/api/v1{path}"))
}

/// A request to a path under `/api/v1`.
pub fn post(path: &str, body: Value) -> TestRequest {
    TestRequest::post().uri(&format!("/api/v1{path}")).set_json(body)
}

/// A request to a path under `/api/v1`.
pub fn patch(path: &str, body: Value) -> TestRequest {
    TestRequest::patch().uri(&format!("/api/v1{path}")).set_json(body)
}
