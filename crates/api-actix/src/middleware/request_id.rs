//! The id of a request in logs, error bodies and the `X-Request-Id` header.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use domain::secret::SecretSource;

/// The id that the client sent if it is well-formed, else a new UUIDv7.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
    const MAX_LEN: usize = 128;

    pub(super) fn of(request: &ServiceRequest, secrets: &dyn SecretSource) -> Self {
        let sent = request.headers().get(Self::HEADER).and_then(|value| value.to_str().ok());
        sent.filter(|id| is_well_formed(id)).map_or_else(|| Self::new(secrets), |id| Self(id.to_owned()))
    }

    fn new(secrets: &dyn SecretSource) -> Self {
        Self(secrets.uuid().to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

fn is_well_formed(id: &str) -> bool {
    (1..=RequestId::MAX_LEN).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_log_line_is_replaced() {
        assert!(is_well_formed("01JH-a_b") && is_well_formed(&"a".repeat(128)));
        for bad in ["", "a b", "a\n", "é", "a;b", &"a".repeat(129)] {
            assert!(!is_well_formed(bad), "{bad:?}");
        }
    }
}
