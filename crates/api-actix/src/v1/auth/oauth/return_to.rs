//! The URL to which an OAuth flow returns.

use domain::identity::ReturnTo;
use url::Url;

use crate::extract::FieldError;
use crate::settings::ApiSettings;

/// The maximum number of characters in the URL.
const MAX_LEN: usize = 2000;
/// The parameter with the one-time code.
const CODE: &str = "code";

/// Parses `redirect_to`: a URL of the frontend or of an allowed origin, absolute or relative to the frontend.
pub fn parse(text: &str, settings: &ApiSettings) -> Result<ReturnTo, FieldError> {
    let foreign = || FieldError::invalid("must be a URL of the frontend or of an allowed origin");
    let frontend = Url::parse(&settings.frontend_url).map_err(|_| foreign())?;
    let url = frontend.join(text).map_err(|_| foreign())?;
    let origin = url.origin();
    let is_allowed = || settings.lists_origin(&origin.ascii_serialization());
    let is_known = origin.is_tuple() && (origin == frontend.origin() || is_allowed());
    let has_no_credentials = url.username().is_empty() && url.password().is_none();
    if !is_known
        || !has_no_credentials
        || !matches!(url.scheme(), "http" | "https")
        || url.as_str().len() > MAX_LEN
    {
        return Err(foreign());
    }
    if url.query_pairs().any(|(name, _)| name == CODE) {
        return Err(FieldError::invalid("must not have a parameter `code`: the login adds it"));
    }
    Ok(ReturnTo(url.into()))
}

/// The frontend's own URL.
pub fn frontend(settings: &ApiSettings) -> ReturnTo {
    ReturnTo(settings.frontend_url.clone())
}

/// Adds the one-time code to a URL.
pub fn with_code(return_to: &ReturnTo, code: &str) -> String {
    match Url::parse(&return_to.0) {
        Ok(mut url) => {
            url.query_pairs_mut().append_pair(CODE, code);
            url.into()
        }
        Err(_) => return_to.0.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let settings = ApiSettings {
            frontend_url: "https://app.example.com/home".to_owned(),
            allowed_origins: vec!["http://localhost:3000".to_owned(), "null".to_owned()],
            ..ApiSettings::default()
        };
        parse(text, &settings).ok().map(|return_to| return_to.0)
    }

    #[test]
    fn a_flow_returns_to_the_frontend_or_an_allowed_origin_only() {
        for (text, expected) in [
            ("https://app.example.com/cb?x=1#y", "https://app.example.com/cb?x=1#y"),
            ("https://APP.example.com:443", "https://app.example.com/"),
            ("http://localhost:3000/a", "http://localhost:3000/a"),
            ("/cb", "https://app.example.com/cb"),
            // Without slashes, a URL with the same scheme is relative (the URL standard).
            ("https:evil.example", "https://app.example.com/evil.example"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "https://evil.example",
            "//evil.example/cb",
            "/\\evil.example/cb",
            "https://app.example.com@evil.example/",
            "https://app.example.com.evil.example/",
            "https://ann@app.example.com/",
            "http://app.example.com/",
            "https://app.example.com:8443/",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://localhost:3001/",
            "https://app.example.com/cb?code=mine",
            "https://",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("/{}", "a".repeat(MAX_LEN))), None);
    }

    #[test]
    fn the_code_comes_before_the_fragment() {
        let code = |text: &str| with_code(&ReturnTo(text.to_owned()), "a-_b");
        assert_eq!(code("https://app.example.com/cb?x=1#y"), "https://app.example.com/cb?x=1&code=a-_b#y");
        assert_eq!(code("https://app.example.com"), "https://app.example.com/?code=a-_b");
    }
}
