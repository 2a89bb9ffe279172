//! Gzip for responses that are worth it. The framework's own layer compresses a body of any size, and refuses a request whose
//! `Accept-Encoding` it can't meet.

use actix_http::ResponseHead;
use actix_http::encoding::Encoder;
use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, MessageBody as _};
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, ContentEncoding, Encoding, HeaderValue, VARY,
};

use super::answer::Answer;

/// The smallest body that is compressed, in bytes.
const WORTH_IT: u64 = 1024;

/// The encoding that the client prefers of those there are.
pub(super) fn wanted(request: &ServiceRequest) -> ContentEncoding {
    let named = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    if !named.is_some_and(|named| named.contains("gzip")) {
        return ContentEncoding::Identity;
    }
    let offered = [Encoding::gzip(), Encoding::identity()];
    match request.get_header::<AcceptEncoding>().and_then(|accepted| accepted.negotiate(offered.iter())) {
        Some(Encoding::Known(encoding)) => encoding,
        Some(Encoding::Unknown(_)) | None => ContentEncoding::Identity,
    }
}

pub(super) fn apply(encoding: ContentEncoding, head: &mut ResponseHead, answer: Answer) -> Encoder<Answer> {
    let worth_it = matches!(answer.size(), BodySize::Sized(size) if size >= WORTH_IT);
    if !worth_it {
        return Encoder::response(ContentEncoding::Identity, head, answer);
    }
    if encoding == ContentEncoding::Identity {
        head.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    Encoder::response(encoding, head, answer)
}
