//! Gzip for responses that are large enough. The framework's own layer compresses bodies of any size and
//! refuses requests whose `Accept-Encoding` it cannot satisfy.

use actix_http::ResponseHead;
use actix_http::encoding::Encoder;
use actix_web::HttpMessage;
use actix_web::body::{BodySize, MessageBody as _};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, ContentEncoding, Encoding, Header as _, HeaderValue,
    VARY,
};

use super::body::ResponseBody;

/// The smallest body that is compressed, in bytes.
const MIN_SIZE: u64 = 1024;

/// What compression takes while it waits for the client, in bytes.
const ENCODER: usize = 384 * 1024;
/// A body of at most this many bytes fits into the output of the encoder, which therefore never waits.
const MAX_AT_ONCE: u64 = 32 * 1024;

/// The encoding that the client prefers among gzip and identity.
pub fn preferred(request: &impl HttpMessage) -> ContentEncoding {
    let accepted = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    if !accepted.is_some_and(|accepted| accepted.contains("gzip")) {
        return ContentEncoding::Identity;
    }
    let offered = [Encoding::gzip(), Encoding::identity()];
    match AcceptEncoding::parse(request).ok().and_then(|accepted| accepted.negotiate(offered.iter())) {
        Some(Encoding::Known(encoding)) => encoding,
        Some(Encoding::Unknown(_)) | None => ContentEncoding::Identity,
    }
}

/// The memory that compression of a response takes until the client has read it, apart from the body's.
pub(super) fn memory(encoding: ContentEncoding, head: &ResponseHead, size: BodySize) -> usize {
    let waits = match size {
        BodySize::Stream => head.status != StatusCode::SWITCHING_PROTOCOLS,
        BodySize::Sized(bytes) => bytes > MAX_AT_ONCE,
        BodySize::None => false,
    };
    let compresses = encoding != ContentEncoding::Identity && !has_own_encoding(head);
    if waits && compresses { ENCODER } else { 0 }
}

/// Whether a handler chose a representation of its own. All responses with it share the memory of its body.
pub(super) fn has_own_encoding(head: &ResponseHead) -> bool {
    head.headers().contains_key(CONTENT_ENCODING)
}

pub(super) fn apply(
    encoding: ContentEncoding,
    head: &mut ResponseHead,
    body: ResponseBody,
) -> Encoder<ResponseBody> {
    // A handler that chose a representation of its own has named its encoding, and set `Vary`.
    if head.headers().get(CONTENT_ENCODING).is_some_and(|chosen| chosen == "identity") {
        head.headers_mut().remove(CONTENT_ENCODING);
        return Encoder::response(ContentEncoding::Identity, head, body);
    }
    if !matches!(body.size(), BodySize::Stream)
        && !matches!(body.size(), BodySize::Sized(size) if size >= MIN_SIZE)
    {
        return Encoder::response(ContentEncoding::Identity, head, body);
    }
    if encoding == ContentEncoding::Identity {
        head.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    Encoder::response(encoding, head, body)
}
