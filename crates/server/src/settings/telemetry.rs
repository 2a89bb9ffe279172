//! Where traces and errors are sent.

use std::str::FromStr as _;

use actix_web::http::header::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use sentry::types::Dsn;

use super::error::SettingWarning;
use super::layers::Layers;
use super::parse::{text, web_address};
use super::setting::{self, Setting};

/// Where telemetry goes beside logs and metrics. `Debug` shows no secret.
#[derive(Debug)]
pub struct Telemetry {
    /// `None` sends no traces.
    pub traces: Option<Traces>,
    /// The address of a project at Sentry, with its key. `None` reports no errors.
    pub sentry: Option<SecretString>,
}

/// The collector of traces, and what is traced.
#[derive(Debug)]
pub struct Traces {
    /// The collector's address, without `/v1/traces`.
    pub endpoint: String,
    /// Names and values of headers, such as the collector's credentials.
    pub headers: Vec<(String, SecretString)>,
    pub service: String,
    pub sampling: Sampling,
}

/// Which requests are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The fraction of those whose caller does not trace, or of all if `ignores_caller`.
    pub ratio: f64,
    pub ignores_caller: bool,
}

/// What the collector's other settings describe, read where there is a collector only: other programs on the
/// machine may need values that this server does not know.
const OF_THE_COLLECTOR: [&Setting; 4] = [
    &setting::OTEL_EXPORTER_OTLP_HEADERS,
    &setting::OTEL_SERVICE_NAME,
    &setting::OTEL_TRACES_SAMPLER,
    &setting::OTEL_TRACES_SAMPLER_ARG,
];

impl Telemetry {
    pub(super) fn read(layers: &Layers) -> Self {
        let sentry = layers.find(&setting::SENTRY_DSN, dsn);
        let endpoint = &setting::OTEL_EXPORTER_OTLP_ENDPOINT;
        if !layers.is_given(endpoint) {
            for unused in OF_THE_COLLECTOR.into_iter().filter(|setting| layers.is_given(setting)) {
                layers.warn(SettingWarning::Unused {
                    name: unused.name.clone(),
                    without: endpoint.name.clone(),
                });
            }
            return Self { traces: None, sentry };
        }
        let endpoint = layers.find(endpoint, web_address);
        let given = layers.find(&setting::OTEL_EXPORTER_OTLP_HEADERS, headers).unwrap_or_default();
        let service = layers.get(&setting::OTEL_SERVICE_NAME, text);
        let sampling = sampling(layers);
        let traces = endpoint.map(|endpoint| Traces { endpoint, headers: given, service, sampling });
        Self { traces, sentry }
    }
}

/// The sentence does not quote the address, which contains a key.
fn dsn(text: &str) -> Result<SecretString, &'static str> {
    Dsn::from_str(text).map_err(|_| "must be the DSN that Sentry shows for a project")?;
    Ok(text.into())
}

/// `name=value`, with commas between them. A value is percent-encoded.
fn headers(text: &str) -> Result<Vec<(String, SecretString)>, &'static str> {
    text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).map(header).collect()
}

fn header(pair: &str) -> Result<(String, SecretString), &'static str> {
    let (name, value) = pair.split_once('=').ok_or("must be name=value, with commas between several")?;
    let name = HeaderName::try_from(name.trim()).map_err(|_| "must have names that HTTP permits")?;
    let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| "must be UTF-8")?;
    HeaderValue::try_from(&*value).map_err(|_| "must have values that HTTP permits")?;
    Ok((name.to_string(), value.into_owned().into()))
}

fn sampling(layers: &Layers) -> Sampling {
    let argument = layers.find(&setting::OTEL_TRACES_SAMPLER_ARG, ratio).unwrap_or(1.0);
    let sampler = |text: &str| {
        let (name, ignores_caller) = match text.strip_prefix("parentbased_") {
            Some(name) => (name, false),
            None => (text, true),
        };
        let ratio = match name {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => argument,
            _ => {
                return Err(
                    "must be always_on, always_off or traceidratio, or one of them after parentbased_",
                );
            }
        };
        Ok(Sampling { ratio, ignores_caller })
    };
    layers.get(&setting::OTEL_TRACES_SAMPLER, sampler)
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or("must be a number between 0 and 1")
}

impl Traces {
    /// The headers with their values.
    pub fn exposed_headers(&self) -> impl Iterator<Item = (String, String)> {
        self.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_with_percent_encoded_values() {
        let read = headers("api-key=a%20b, x=1,").expect("two headers");
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(read, [("api-key", "a b"), ("x", "1")]);
        for malformed in ["hush", "a b=hush", "a=hush%0a", "a=%ffhush"] {
            assert!(headers(malformed).is_err_and(|problem| !problem.contains("hush")), "{malformed}");
        }
    }

    #[test]
    fn a_dsn_that_is_none_is_not_quoted() {
        assert!(dsn("https://key@o1.ingest.sentry.io/2").is_ok());
        assert!(dsn("https://hush@").is_err_and(|problem| !problem.contains("hush")));
    }
}
