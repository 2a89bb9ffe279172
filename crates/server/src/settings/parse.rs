//! Parsers for the texts of settings. An error continues a sentence that begins with the setting's name.

use std::convert::Infallible;
use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use actix_web::http::Uri;
use domain::limits::Quota;
use secrecy::SecretString;

/// Any text.
#[expect(clippy::unnecessary_wraps, reason = "every parser returns a `Result`")]
pub fn text(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

/// Any text, kept out of `Debug`.
#[expect(clippy::unnecessary_wraps, reason = "every parser returns a `Result`")]
pub fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}

/// A whole number in `range`.
pub fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| {
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            format!("must be a whole number from {} to {}, not {text:?}", range.start(), range.end())
        })
    }
}

/// One of some words, in any case.
pub fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let meant = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        meant.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("must be one of {}, not {text:?}", words.join(", "))
        })
    }
}

/// A Boolean, in the usual words.
pub fn switch(text: &str) -> Result<bool, String> {
    one_of(&[
        ("true", true),
        ("false", false),
        ("1", true),
        ("0", false),
        ("yes", true),
        ("no", false),
        ("on", true),
        ("off", false),
    ])(text)
}

/// `COUNT/TIME`, with the time in seconds, minutes or hours: `5/15m`.
pub fn quota(text: &str) -> Result<Quota, String> {
    count_and_time(text)
        .ok_or_else(|| format!("must be a count, a slash and a time in s, m or h, not {text:?}"))
}

fn count_and_time(text: &str) -> Option<Quota> {
    let (count, time) = text.split_once('/')?;
    let (amount, unit) = time.split_at_checked(time.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let count = count.trim().parse().ok().filter(|count| (1..=1_000_000).contains(count))?;
    let amount: u64 = amount.trim().parse().ok().filter(|amount| (1..=100_000).contains(amount))?;
    Some(Quota::new(count, Duration::from_secs(amount * seconds)))
}

/// Schemes of addresses that are no origins of pages. Others may be those of apps, such as `capacitor`.
const NO_PAGES: [&str; 5] = ["ftp", "ftps", "file", "ws", "wss"];

/// An origin as browsers send it (RFC 6454 section 6.1): the scheme, the host, and the port unless it is
/// the scheme's default.
pub fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Err("must not be *, as requests carry credentials: name each origin".into());
    }
    if text.contains('*') {
        return Err(format!("must name each origin without *, which {text:?} has"));
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if let Some(scheme) = scheme.filter(|scheme| NO_PAGES.contains(&scheme.as_str())) {
        return Err(format!("must hold origins of pages, and no page that calls an API has {scheme}://"));
    }
    exact_origin(text).ok_or_else(|| {
        format!("must hold exact origins (scheme, host, port; no path, no trailing slash), not {text:?}")
    })
}

fn exact_origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let exact = format!("{scheme}://{authority}") == text && !authority.as_str().contains('@');
    exact.then_some(text)
}

/// The origin of a URL that [`web_address`] accepted.
pub fn origin_of(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    url[..end].to_owned()
}

/// An http or https URL, without the slash at its end.
pub fn web_address(text: &str) -> Result<String, &'static str> {
    exact_web_address(text).map(|text| text.trim_end_matches('/').to_owned())
}

/// An http or https URL, unchanged.
pub fn exact_web_address(text: &str) -> Result<String, &'static str> {
    // The sentence does not quote the text, which may hold a password.
    let is_valid = text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && !text.contains(['?', '#'])
    });
    if !is_valid {
        return Err("must be an http or https address without user, query and fragment");
    }
    Ok(text.to_owned())
}

/// A host name or an IP address.
pub fn host(text: &str) -> Result<String, String> {
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if text.parse::<IpAddr>().is_ok() || text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err(format!("must be an address or a host name alone, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        assert_eq!(origin("https://App.Example.com").as_deref(), Ok("https://app.example.com"));
        for good in ["http://localhost:3000", "http://[::1]:3000", "capacitor://localhost"] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        for bad in [
            "localhost:3000",
            "https://a.example/",
            "https://a.example/x",
            "https://u@a.example",
            "null",
            "https://*.a.example",
            "ftp://a.example",
            "WS://a.example",
            "//a",
            "",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quotas_have_a_count_and_a_time() {
        assert_eq!(quota("5/15m"), Ok(Quota::new(5, Duration::from_mins(15))));
        assert_eq!(quota("1/1s"), Ok(Quota::new(1, Duration::from_secs(1))));
        assert_eq!(quota("60 / 2h"), Ok(Quota::new(60, Duration::from_hours(2))));
        for bad in ["", "5", "5/", "/5m", "0/1m", "5/0m", "5/15", "5/15d", "-1/1m", "5/é", "99999999999/1s"]
        {
            assert!(quota(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in ["127.0.0.1", "::", "0.0.0.0", "localhost", "api-1.example.com"] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in ["", "http://localhost", "a b", "host:80", "a..b", "[::1]"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
