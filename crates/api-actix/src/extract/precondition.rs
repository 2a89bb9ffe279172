//! `If-Match` and `If-None-Match` (RFC 9110 section 13.1) over versions.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, EntityTag, Header, IF_MATCH};
use actix_web::{FromRequest, HttpMessage, HttpRequest};

/// The `If-Match` header of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    Absent,
    /// The todo has to exist.
    Any,
    /// The todo has to have one of these versions. Weak and unknown tags match no version, so the list
    /// may be empty.
    Versions(Vec<i64>),
}

impl FromRequest for IfMatch {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl IfMatch {
    fn of(request: &impl HttpMessage) -> Self {
        if !request.headers().contains_key(IF_MATCH) {
            return Self::Absent;
        }
        match header::IfMatch::parse(request) {
            Ok(header::IfMatch::Any) => Self::Any,
            Ok(header::IfMatch::Items(tags)) => Self::Versions(tags.iter().filter_map(version).collect()),
            Err(_) => Self::Versions(Vec::new()),
        }
    }
}

/// Whether `If-None-Match` holds for a todo of `version`. If not, the client's copy is current.
#[must_use]
pub fn if_none_match(request: &impl HttpMessage, version: i64) -> bool {
    let current = etag(version);
    match header::IfNoneMatch::parse(request) {
        Ok(header::IfNoneMatch::Any) => false,
        Ok(header::IfNoneMatch::Items(tags)) => !tags.iter().any(|tag| tag.weak_eq(&current)),
        Err(_) => true,
    }
}

/// The entity tag of a todo of `version`.
#[must_use]
pub fn etag(version: i64) -> EntityTag {
    EntityTag::new_strong(version.to_string())
}

/// Parses a strong entity tag into a version. Tags compare byte by byte, so `"01"` never matches
/// (RFC 9110 section 8.8.3.2).
fn version(given: &EntityTag) -> Option<i64> {
    given.tag().parse().ok().filter(|version| given.strong_eq(&etag(*version)))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::IF_NONE_MATCH;
    use actix_web::test::TestRequest;

    use super::*;

    fn if_match(value: &str) -> IfMatch {
        IfMatch::of(&TestRequest::get().insert_header((IF_MATCH, value)).to_http_request())
    }

    #[test]
    fn only_strong_tags_of_this_server_match_a_version() {
        assert_eq!(if_match("\"3\", \"4\""), IfMatch::Versions(vec![3, 4]));
        assert_eq!(if_match("W/\"3\", \"x\", 3"), IfMatch::Versions(vec![]));
        assert_eq!(if_match(r#""01", "+1", "1 ", "-0", """#), IfMatch::Versions(vec![]));
        assert_eq!(if_match("*"), IfMatch::Any);
        assert_eq!(if_match(""), IfMatch::Versions(vec![]));
        assert_eq!(IfMatch::of(&TestRequest::get().to_http_request()), IfMatch::Absent);
    }

    #[test]
    fn a_cached_copy_is_found_by_weak_comparison() {
        let has = |value: &str| {
            let request = TestRequest::get().insert_header((IF_NONE_MATCH, value)).to_http_request();
            !if_none_match(&request, 3)
        };
        assert!(has("\"3\"") && has("W/\"3\"") && has("\"1\", \"3\"") && has("*"));
        assert!(!has("\"4\"") && !has("3") && !has("\"03\"") && !has("W/\"+3\"") && !has(""));
    }
}
