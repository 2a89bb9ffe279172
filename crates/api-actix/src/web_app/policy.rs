//! The Content Security Policy of a page (CSP level 3).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The policy of a page: everything from this server, and of inline scripts only those of the page.
pub fn of_page(html: &str) -> String {
    let source = |script: &str| format!(" 'sha256-{}'", STANDARD.encode(digest(&SHA256, script.as_bytes())));
    let hashes = inline_scripts(html).map(source).collect::<Vec<_>>().concat();
    format!(
        "default-src 'none'; script-src 'self'{hashes}; style-src 'self'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The texts of the scripts without `src`. A text that this finds by mistake only adds a hash.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let has_source = attributes.split_ascii_whitespace().any(|attribute| attribute.starts_with("src="));
        let (script, _) = rest.split_once("</script")?;
        (!has_source && !script.is_empty()).then_some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_found() {
        let page = r#"<script src="/a.js" async=""></script><script>go("<b>")</script>
                      <script id="x" nonce="">1 > 0</script><script></script>"#;
        assert_eq!(inline_scripts(page).collect::<Vec<_>>(), [r#"go("<b>")"#, "1 > 0"]);
    }

    #[test]
    fn a_page_may_run_its_own_inline_scripts_alone() {
        // From `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`.
        let hash = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='";
        let policy = of_page("<script>alert(1)</script>");
        assert!(policy.contains(&format!("script-src 'self' {hash};")), "{policy}");
        assert!(of_page("<p>no script</p>").contains("script-src 'self';"));
    }
}
