//! Verifies the tokens of external issuers such as Better Auth, with a shared secret or with the keys
//! that the issuer publishes.

mod cached;
mod key_set;
mod verification_key;

pub use cached::CachedIdentities;
pub(crate) use key_set::{KeySet, Signature};

use async_trait::async_trait;
use domain::Stamp;
use domain::identity::{ExternalToken, Issuers};
use domain::session::AuthFailure;
use domain::user::{DisplayName, Email};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;

use crate::http::{self, loggable_code};
use crate::jwt::{LEEWAY, Segments, numeric_date};

/// One issuer whose tokens are accepted.
#[derive(Clone, Debug, Default)]
pub struct IssuerSettings {
    /// The name that its identities are stored under.
    pub name: String,
    /// The shared secret (HS256).
    pub secret: Option<SecretString>,
    /// Where the issuer publishes its keys (EdDSA, ES256, RS256, PS256).
    pub jwks_url: Option<String>,
    /// The required `iss`; `None` accepts any.
    pub issuer: Option<String>,
    /// A value that `aud` must contain; `None` accepts any.
    pub audience: Option<String>,
}

/// The HTTP client that fetches keys could not be created.
#[derive(Debug, Error)]
#[error("external issuers can't be set up: {0}")]
pub struct IssuersError(String);

/// Verifies tokens against the configured issuers, in order.
pub struct ExternalIssuers(Vec<Issuer>);

struct Issuer {
    settings: IssuerSettings,
    secret: Option<DecodingKey>,
    keys: Option<KeySet>,
}

impl ExternalIssuers {
    /// Does not fetch any keys yet.
    pub fn new(settings: Vec<IssuerSettings>) -> Result<Self, IssuersError> {
        let http = http::client().map_err(|error| IssuersError(error.to_string()))?;
        let issuer = |settings: IssuerSettings| Issuer {
            secret: settings
                .secret
                .as_ref()
                .map(|secret| DecodingKey::from_secret(secret.expose_secret().as_bytes())),
            keys: settings.jwks_url.clone().map(|url| KeySet::new(http.clone(), url)),
            settings,
        };
        Ok(Self(settings.into_iter().map(issuer).collect()))
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    iat: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
    email: Option<String>,
    name: Option<String>,
}

/// `aud` is one string or a list of them (RFC 7519 section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }

    pub fn is_exactly(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => matches!(&audiences[..], [audience] if audience == wanted),
        }
    }
}

#[async_trait]
impl Issuers for ExternalIssuers {
    async fn verify(&self, token: &str, now: Stamp) -> Result<ExternalToken, AuthFailure> {
        let segments = Segments::parse(token)?;
        let mut failure = AuthFailure::NotTrusted;
        for issuer in &self.0 {
            match issuer.signature(&segments, now).await {
                Signature::Valid => {
                    let claims = serde_json::from_slice(&segments.payload()?);
                    let accepted = claims
                        .map_err(|_| (AuthFailure::Malformed, "a claim is missing or has another type"))
                        .and_then(|claims| issuer.accept(claims, now));
                    return accepted.map_err(|(failure, reason)| {
                        tracing::info!(issuer = issuer.settings.name, reason, "a token was refused");
                        failure
                    });
                }
                Signature::KeysUnknown => failure = AuthFailure::KeysUnknown,
                Signature::Invalid => {}
            }
        }
        let reason = if failure == AuthFailure::KeysUnknown {
            "the issuer's keys could not be fetched yet"
        } else {
            "no configured issuer signed it with a known key"
        };
        let algorithm = loggable_code(&segments.header.alg);
        let key = segments.header.kid.as_deref().and_then(loggable_code);
        tracing::info!(algorithm, key, reason, "a token was refused");
        Err(failure)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|issuer| issuer.settings.name.clone()).collect()
    }
}

impl Issuer {
    /// Whether one of the issuer's keys signed the token. The shared secret is used for HS256 only, and
    /// the public keys for asymmetric algorithms only (RFC 8725 section 3.1).
    async fn signature(&self, token: &Segments<'_>, now: Stamp) -> Signature {
        if token.header.alg == "HS256" {
            let verifies = |secret: &DecodingKey| {
                crypto::verify(token.signature, token.message, secret, Algorithm::HS256).unwrap_or(false)
            };
            let is_valid = self.secret.as_ref().is_some_and(verifies);
            return if is_valid { Signature::Valid } else { Signature::Invalid };
        }
        // Do not fetch keys for an algorithm that no published key supports.
        if !["EdDSA", "ES256", "RS256", "PS256"].contains(&token.header.alg.as_str()) {
            return Signature::Invalid;
        }
        let Some(keys) = &self.keys else { return Signature::Invalid };
        keys.signature(token, now).await
    }

    /// Checks the claims and converts them. A refusal comes with its reason, for the log.
    fn accept(&self, claims: Claims, now: Stamp) -> Result<ExternalToken, (AuthFailure, &'static str)> {
        const NO_DATE: &str = "`exp`, `iat` or `nbf` is not a date";
        let IssuerSettings { issuer, audience, .. } = &self.settings;
        let date = |date| numeric_date(date).map_err(|failure| (failure, NO_DATE));
        let is_from_issuer = issuer.is_none() || claims.iss == *issuer;
        let is_for_audience = audience
            .as_deref()
            .is_none_or(|audience| claims.aud.as_ref().is_some_and(|aud| aud.contains(audience)));
        if !is_from_issuer {
            return Err((AuthFailure::NotTrusted, "`iss` is not the configured issuer"));
        }
        if !is_for_audience {
            return Err((AuthFailure::NotTrusted, "`aud` does not contain the configured audience"));
        }
        if !is_valid_subject(&claims.sub) {
            return Err((AuthFailure::Malformed, "`sub` is blank, too long, or has control characters"));
        }
        let latest = now.plus(LEEWAY);
        for begin in [claims.iat, claims.nbf].into_iter().flatten() {
            if date(begin)? > latest {
                return Err((AuthFailure::NotTrusted, "`iat` or `nbf` is in the future"));
            }
        }
        let expires_at = date(claims.exp)?;
        if expires_at.plus(LEEWAY) <= now {
            return Err((AuthFailure::Expired, "it is expired"));
        }
        Ok(ExternalToken {
            issuer: self.settings.name.clone(),
            subject: claims.sub,
            email: claims.email.and_then(|email| Email::parse(&email).ok()),
            name: claims.name.and_then(|name| DisplayName::parse(&name).ok()),
            expires_at,
        })
    }
}

/// Whether `text` can be a subject: not blank, at most 255 characters (OpenID Connect Core 1.0
/// section 2), and no control characters, because PostgreSQL cannot store a NUL.
pub(crate) fn is_valid_subject(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 255 && !text.contains(char::is_control)
}
