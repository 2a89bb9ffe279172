//! Where an OAuth login may come out.

use domain::identity::ReturnTo;
use url::Url;

use crate::ApiSettings;
use crate::extract::Fault;

/// The most characters of an address.
const LONGEST: usize = 2000;
/// The parameter that carries the hand-off code.
const CODE: &str = "code";

/// Reads `redirect_to`: an address on the frontend or on a page of an allowed origin, relative to the frontend where it is not absolute.
pub(super) fn parse(text: &str, settings: &ApiSettings) -> Result<ReturnTo, Fault> {
    let refused = || Fault::invalid("must be an address of the frontend or of an allowed origin");
    let frontend = Url::parse(&settings.frontend_url).map_err(|_| refused())?;
    let url = frontend.join(text).map_err(|_| refused())?;
    let origin = url.origin();
    let known = || settings.allowed_origins.contains(&origin.ascii_serialization());
    let ours = origin.is_tuple() && (origin == frontend.origin() || known());
    let bare = url.username().is_empty() && url.password().is_none();
    if !ours || !bare || !matches!(url.scheme(), "http" | "https") || url.as_str().len() > LONGEST {
        return Err(refused());
    }
    if url.query_pairs().any(|(name, _)| name == CODE) {
        return Err(Fault::invalid("must not have a parameter `code`: the login adds it"));
    }
    Ok(ReturnTo(url.into()))
}

/// The frontend itself.
pub(super) fn frontend(settings: &ApiSettings) -> ReturnTo {
    ReturnTo(settings.frontend_url.clone())
}

/// The address with the hand-off code.
pub(super) fn with_code(return_to: &ReturnTo, code: &str) -> String {
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
    fn a_login_comes_out_at_home_only() {
        for (text, expected) in [
            ("https://app.example.com/cb?x=1#y", "https://app.example.com/cb?x=1#y"),
            ("https://APP.example.com:443", "https://app.example.com/"),
            ("http://localhost:3000/a", "http://localhost:3000/a"),
            ("/cb", "https://app.example.com/cb"),
            // Without slashes it is relative where the scheme is the same (the URL standard).
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
        assert_eq!(read(&format!("/{}", "a".repeat(LONGEST))), None);
    }

    #[test]
    fn the_code_stands_before_the_fragment() {
        let code = |text: &str| with_code(&ReturnTo(text.to_owned()), "a-_b");
        assert_eq!(code("https://app.example.com/cb?x=1#y"), "https://app.example.com/cb?x=1&code=a-_b#y");
        assert_eq!(code("https://app.example.com"), "https://app.example.com/?code=a-_b");
    }
}
