//! Requests to other servers: short, bounded, and never to where an answer points.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// How long an answer may take in all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of an answer that are read.
const MAX_BYTES: usize = 1024 * 1024;

/// Why there is no answer. Never holds what was sent.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("no answer: {0}")]
    Unreachable(String),
    /// With the code of an OAuth error (RFC 6749 section 5.2), where it gave one.
    #[error("answered {status}{}", .error.as_ref().map(|error| format!(", {error}")).unwrap_or_default())]
    Status { status: u16, error: Option<String> },
    #[error("answered what is not the JSON expected")]
    Nonsense,
}

/// A client that follows no redirects.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("todo-server")
        .build()
}

/// Sends the request and reads the JSON of a 2xx answer.
pub(crate) async fn json<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, FetchError> {
    let unreachable = |error: reqwest::Error| FetchError::Unreachable(error.without_url().to_string());
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::Nonsense);
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        return Err(FetchError::Status { status: status.as_u16(), error: error_code(&body) });
    }
    serde_json::from_slice(&body).map_err(|_| FetchError::Nonsense)
}

/// The `error` of an OAuth answer.
fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        error: String,
    }
    let Answer { error } = serde_json::from_slice(body).ok()?;
    code(&error)
}

/// The code of an OAuth error, unless it is none: it goes into logs.
pub(crate) fn code(error: &str) -> Option<String> {
    const LONGEST: usize = 64;
    let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let fits = error.len() <= LONGEST && error.chars().all(is_code);
    fits.then(|| error.to_owned())
}
