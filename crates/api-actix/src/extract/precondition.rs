//! `If-Match` and `If-None-Match` (RFC 9110 section 13.1) over versions.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest};

/// What `If-Match` demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing: there is no such header.
    Absent,
    /// That the todo exists.
    Any,
    /// That the todo has one of these versions. A weak or foreign tag matches none, so the list may be empty.
    Versions(Vec<i64>),
}

impl FromRequest for IfMatch {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request.headers())))
    }
}

impl IfMatch {
    fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(IF_MATCH) {
            return Self::Absent;
        }
        let mut versions = Vec::new();
        for tag in tags(headers, &IF_MATCH) {
            match tag {
                "*" => return Self::Any,
                tag => versions.extend(strong(tag)),
            }
        }
        Self::Versions(versions)
    }
}

/// Whether `If-None-Match` holds for a todo of `version`: false means that the client has it already.
#[must_use]
pub fn none_match(headers: &HeaderMap, version: i64) -> bool {
    !tags(headers, &IF_NONE_MATCH)
        .any(|tag| tag == "*" || strong(tag.strip_prefix("W/").unwrap_or(tag)) == Some(version))
}

fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// The version of a tag such as `"3"`.
fn strong(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn if_match(value: &str) -> IfMatch {
        IfMatch::of(TestRequest::get().insert_header((IF_MATCH, value)).to_http_request().headers())
    }

    #[test]
    fn only_strong_tags_of_ours_match_a_version() {
        assert_eq!(if_match("\"3\", \"4\""), IfMatch::Versions(vec![3, 4]));
        assert_eq!(if_match("W/\"3\", \"x\", 3"), IfMatch::Versions(vec![]));
        assert_eq!(if_match("*"), IfMatch::Any);
        assert_eq!(IfMatch::of(TestRequest::get().to_http_request().headers()), IfMatch::Absent);
    }

    #[test]
    fn a_cached_copy_is_found_by_weak_comparison() {
        let has = |value: &str| {
            let request = TestRequest::get().insert_header((IF_NONE_MATCH, value)).to_http_request();
            !none_match(request.headers(), 3)
        };
        assert!(has("\"3\"") && has("W/\"3\"") && has("\"1\", \"3\"") && has("*"));
        assert!(!has("\"4\"") && !has("3"));
    }
}
