//! What the framework refuses by itself, before there is a request: a head that is no HTTP, is too large or takes too long. It
//! answers with a bare status line, and has no hook to put it otherwise; every answer of ours has a request id by which it is told apart.

use actix_web::HttpResponse;
use actix_web::body::MessageBody as _;
use actix_web::http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderValue};
use actix_web::http::{StatusCode, Version};
use actix_web::web::Bytes;
use domain::code::ErrorCode;

use crate::Api;
use crate::error::Problem;
use crate::middleware::{RequestId, refused};

/// More than a bare answer has bytes: a status line, three headers.
const LONGEST: usize = 256;
const VERSION: &[u8] = b"HTTP/1.";
/// With which the framework refuses.
const REFUSED: [StatusCode; 3] =
    [StatusCode::BAD_REQUEST, StatusCode::REQUEST_TIMEOUT, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE];

/// A bare answer at the end of what is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bare<'a> {
    pub starts_at: usize,
    status: StatusCode,
    date: &'a str,
}

/// The bare refusal with which `bytes` end: the framework closes the connection after it.
pub(super) fn bare(bytes: &[u8]) -> Option<Bare<'_>> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let from = bytes.len().saturating_sub(LONGEST);
    let starts_at = from + bytes[from..].windows(VERSION.len()).rposition(|window| window == VERSION)?;
    let head = std::str::from_utf8(&bytes[starts_at..]).ok()?;
    let status = StatusCode::from_bytes(head.get(9..12)?.as_bytes()).ok()?;
    let header = |name: &str| {
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let ours = header(RequestId::HEADER.as_str()).is_some();
    (REFUSED.contains(&status) && !ours).then(|| Bare {
        starts_at,
        status,
        date: header(DATE.as_str()).unwrap_or_default(),
    })
}

/// The same refusal in the one form, as it goes over the wire.
pub(super) fn written(bare: Bare<'_>, api: &Api) -> Bytes {
    let (code, message) = match bare.status {
        StatusCode::REQUEST_TIMEOUT => (ErrorCode::BodyNotJson, "The request took too long to arrive"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            (ErrorCode::TooLarge, "The address and the headers of the request are too large")
        }
        _ => (ErrorCode::BodyNotJson, "This is not a request of HTTP/1.1"),
    };
    let mut response = refused(&Problem::new(code, message).under(bare.status), api);
    if let Ok(date) = HeaderValue::try_from(bare.date) {
        response.headers_mut().insert(DATE, date);
    }
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    on_the_wire(response)
}

fn on_the_wire(response: HttpResponse) -> Bytes {
    let (head, body) = response.into_parts();
    let body = body.try_into_bytes().unwrap_or_default();
    let mut bytes = format!("{:?} {}\r\n", Version::HTTP_11, head.status()).into_bytes();
    let length = HeaderValue::from(body.len());
    for (name, value) in head.headers().iter().chain([(&CONTENT_LENGTH, &length)]) {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";

    #[test]
    fn a_bare_refusal_is_found_behind_whatever_answer_precedes_it() {
        let date = "Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(bare(BARE), Some(Bare { starts_at: 0, status: StatusCode::BAD_REQUEST, date }));
        let before = b"HTTP/1.1 200 OK\r\nx-request-id: 1\r\ncontent-length: 2\r\n\r\n{}";
        let both = [&before[..], BARE].concat();
        assert_eq!(bare(&both).map(|bare| bare.starts_at), Some(before.len()));
    }

    #[test]
    fn answers_with_a_request_id_are_ours() {
        for ours in [
            &b"HTTP/1.1 400 Bad Request\r\nX-Request-Id: 1\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"{\"text\": \"HTTP/1.1 400 Bad Request\"}",
            b"HTTP/1.1 400\r\n",
            b"\r\n\r\n",
            b"",
        ] {
            assert_eq!(bare(ours), None, "{}", String::from_utf8_lossy(ours));
        }
    }
}
