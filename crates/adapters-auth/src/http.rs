//! Requests to other servers. Their duration and size are bounded, and redirects are not followed.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::propagation::Injector;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// How long a request may take, up to the last byte of the response.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest response body that is read.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Why a request failed. Never contains what was sent.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("no response: {0}")]
    Unreachable(String),
    /// `error` is the OAuth error code (RFC 6749 section 5.2), if the body has one.
    #[error("the response has status {status}{}", .error.as_ref().map(|error| format!(", {error}")).unwrap_or_default())]
    Status { status: u16, error: Option<String> },
    #[error("the response is not the expected JSON")]
    InvalidBody,
}

pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("todo-server")
        .build()
}

/// The body of a 2xx response.
pub(crate) struct Body {
    /// The media type, in lower case and without parameters.
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// Sends the request and parses the JSON of a 2xx response.
pub(crate) async fn fetch_json<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
) -> Result<T, FetchError> {
    let body = fetch(request).await?;
    serde_json::from_slice(&body.bytes).map_err(|_| FetchError::InvalidBody)
}

/// Sends the request and reads the body of a 2xx response.
pub(crate) async fn fetch(request: reqwest::RequestBuilder) -> Result<Body, FetchError> {
    let unreachable = |error: reqwest::Error| FetchError::Unreachable(error.without_url().to_string());
    let span = tracing::trace_span!(target: "spans", "fetch", otel.kind = "client");
    let request = request.headers(trace_headers(&span));
    let mut response = request.send().instrument(span).await.map_err(unreachable)?;
    let status = response.status();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(FetchError::InvalidBody);
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        return Err(FetchError::Status { status: status.as_u16(), error: error_code(&body) });
    }
    Ok(Body { media_type, bytes: body })
}

/// `traceparent` (W3C Trace Context), where requests are traced.
fn trace_headers(span: &Span) -> HeaderMap {
    struct Carrier(HeaderMap);
    impl Injector for Carrier {
        fn set(&mut self, key: &str, value: String) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
                self.0.insert(name, value);
            }
        }
    }
    let mut headers = Carrier(HeaderMap::new());
    if !span.is_disabled() {
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&span.context(), &mut headers);
        });
    }
    headers.0
}

fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct OAuthError {
        error: String,
    }
    let OAuthError { error } = serde_json::from_slice(body).ok()?;
    loggable_code(&error)
}

/// Returns an OAuth error code if it is safe to log: short, and without unusual characters.
pub(crate) fn loggable_code(error: &str) -> Option<String> {
    const MAX_BYTES: usize = 64;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_code = error.len() <= MAX_BYTES && error.chars().all(is_allowed);
    is_code.then(|| error.to_owned())
}
