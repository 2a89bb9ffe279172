//! The response with one file.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentEncoding, ETAG, EntityTag,
    HeaderValue, IfNoneMatch, VARY,
};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

use super::file::File;
use crate::middleware::preferred_encoding;

/// For files whose names change with their content: a year, which caches take for ever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For all others: caches ask each time whether the file has changed.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

impl File {
    /// Responds with the file, or with 304 if the client has it.
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let compressed = match preferred_encoding(request) {
            ContentEncoding::Gzip => self.content.gzip(),
            _ => None,
        };
        // Two representations of one file are two entities (RFC 9110 section 8.8.3.3).
        let suffix = if compressed.is_some() { "-gzip" } else { "" };
        let tag = EntityTag::new_strong(format!("{}{suffix}", self.tag));
        let is_known = is_known(request, &tag);
        let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((ETAG, tag.to_string()))
            .insert_header((CACHE_CONTROL, if self.is_immutable { IMMUTABLE } else { REVALIDATED }))
            .insert_header((CONTENT_SECURITY_POLICY, self.policy.as_str()))
            .insert_header((VARY, "accept-encoding"));
        if is_known {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, self.content_type.as_str()));
        match compressed {
            Some(compressed) => response.insert_header((CONTENT_ENCODING, "gzip")).body(compressed),
            // The middleware compresses what names no encoding.
            None => response.insert_header((CONTENT_ENCODING, "identity")).body(self.content.bytes()),
        }
    }
}

fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        None => false,
    }
}
