//! From the text that was given to the type that is meant.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use actix_web::http::Uri;
use domain::limits::Quota;

use super::layers::Layers;
use super::{Setting, SettingsError};

/// A whole number in `range`.
pub fn number<T>(
    layers: &Layers,
    setting: Setting,
    range: RangeInclusive<T>,
) -> Result<Option<T>, SettingsError>
where
    T: FromStr + PartialOrd + Display,
{
    layers
        .text(setting)?
        .map(|text| {
            text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
                setting.bad(&format!(
                    "must be a whole number from {} to {}, not {text:?}",
                    range.start(),
                    range.end()
                ))
            })
        })
        .transpose()
}

/// Yes or no, in the words that are usual for it.
pub fn switch(layers: &Layers, setting: Setting) -> Result<Option<bool>, SettingsError> {
    one_of(
        layers,
        setting,
        &[
            ("true", true),
            ("false", false),
            ("1", true),
            ("0", false),
            ("yes", true),
            ("no", false),
            ("on", true),
            ("off", false),
        ],
    )
}

/// One of some words, in any case.
pub fn one_of<T: Copy>(
    layers: &Layers,
    setting: Setting,
    words: &[(&str, T)],
) -> Result<Option<T>, SettingsError> {
    layers
        .text(setting)?
        .map(|text| {
            let meant = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
            meant.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                setting.bad(&format!("must be one of {}, not {text:?}", words.join(", ")))
            })
        })
        .transpose()
}

/// `COUNT/TIME`, the time in seconds, minutes or hours: `5/15m`.
pub fn quota(layers: &Layers, setting: Setting) -> Result<Option<Quota>, SettingsError> {
    layers
        .text(setting)?
        .map(|text| {
            parse_quota(&text).ok_or_else(|| {
                setting.bad(&format!("must be a count, a slash and a time in s, m or h, not {text:?}"))
            })
        })
        .transpose()
}

fn parse_quota(text: &str) -> Option<Quota> {
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

/// An origin as browsers send it (RFC 6454 section 6.1): scheme, host and, where it is not the scheme's own, port.
pub fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let exact = format!("{scheme}://{authority}") == text && !authority.as_str().contains('@');
    exact.then_some(text)
}

/// The address of a server, or of a place on it, without a slash at the end.
pub fn web_address(layers: &Layers, setting: Setting) -> Result<Option<String>, SettingsError> {
    web_address_of(layers, setting.name, setting)
}

/// The same of the form `name` of a setting.
pub fn web_address_of(
    layers: &Layers,
    name: &str,
    setting: Setting,
) -> Result<Option<String>, SettingsError> {
    layers
        .text_of(name, setting)?
        .map(|text| {
            if is_web_address(&text) {
                return Ok(text.trim_end_matches('/').to_owned());
            }
            // A password may stand in it.
            Err(setting.bad_as(name, "must be an http or https address without user, query and fragment"))
        })
        .transpose()
}

fn is_web_address(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let plain = |authority: &str| !authority.is_empty() && !authority.contains('@');
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(|authority| plain(authority.as_str()))
        && !text.contains(['?', '#'])
}

/// A name or address to listen on.
pub fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
        || text
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        assert_eq!(origin("https://App.Example.com").as_deref(), Some("https://app.example.com"));
        for good in ["http://localhost:3000", "http://[::1]:3000", "capacitor://localhost"] {
            assert_eq!(origin(good).as_deref(), Some(good));
        }
        for bad in [
            "localhost:3000",
            "https://a.example/",
            "https://a.example/x",
            "https://u@a.example",
            "null",
            "https://*.a.example/",
            "//a",
            "",
        ] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn quotas_have_a_count_and_a_time() {
        assert_eq!(parse_quota("5/15m"), Some(Quota::new(5, Duration::from_mins(15))));
        assert_eq!(parse_quota("1/1s"), Some(Quota::new(1, Duration::from_secs(1))));
        assert_eq!(parse_quota("60 / 2h"), Some(Quota::new(60, Duration::from_hours(2))));
        for bad in ["", "5", "5/", "/5m", "0/1m", "5/0m", "5/15", "5/15d", "-1/1m", "5/é", "99999999999/1s"]
        {
            assert_eq!(parse_quota(bad), None, "{bad}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in ["127.0.0.1", "::", "0.0.0.0", "localhost", "api-1.example.com"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "http://localhost", "a b", "host:80", "a..b", "[::1]"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
