//! One file in memory.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::policy;
use crate::content::Content;

/// A file, and what its responses need.
#[derive(Debug)]
pub struct File {
    pub content_type: String,
    /// Identifies the content, without quotation marks.
    pub tag: String,
    /// Whether the name changes with the content, so that caches may keep the file for ever.
    pub is_immutable: bool,
    /// The Content Security Policy. A script needs one too: that of its file binds a service worker.
    pub policy: String,
    pub content: Content,
}

impl File {
    /// A file whose path below the app's root begins with a slash.
    pub fn new(path: &str, bytes: Vec<u8>) -> Self {
        let kind = mime_guess::from_path(path).first_or_octet_stream();
        let is_text = kind.type_() == "text" || matches!(kind.subtype().as_str(), "javascript" | "json");
        let page =
            if kind.essence_str() == "text/html" { String::from_utf8_lossy(&bytes) } else { "".into() };
        Self {
            content_type: if is_text { format!("{kind}; charset=utf-8") } else { kind.to_string() },
            tag: URL_SAFE_NO_PAD.encode(&digest(&SHA256, &bytes).as_ref()[..12]),
            is_immutable: path.starts_with("/_next/static/"),
            policy: policy::of_page(&page),
            content: Content::new(bytes),
        }
    }
}
