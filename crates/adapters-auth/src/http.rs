//! Requests to other servers: short, bounded, and never to where an answer points.

use std::time::Duration;

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
    #[error("answered {0}")]
    Status(u16),
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
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::Nonsense);
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| FetchError::Nonsense)
}
