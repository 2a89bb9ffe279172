//! Tokens of external issuers, such as Better Auth: checked by a shared secret or by the keys that the issuer publishes.

mod cached;
mod keys;
mod public_key;

pub use cached::CachedIdentities;
pub(crate) use keys::KeySet;

use async_trait::async_trait;
use domain::Stamp;
use domain::account::{DisplayName, Email};
use domain::identity::{ExternalToken, Issuers};
use domain::session::AuthFailure;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;

use crate::http;
use crate::jwt::{LEEWAY, Parts, date};

/// One issuer whose tokens are accepted.
#[derive(Clone, Debug, Default)]
pub struct IssuerSettings {
    /// The name under which its users are kept.
    pub name: String,
    /// The secret it signs with (HS256), where it does.
    pub secret: Option<SecretString>,
    /// Where it publishes its keys (EdDSA, ES256, RS256, PS256), where it does.
    pub jwks_url: Option<String>,
    /// What `iss` has to say, where that is checked.
    pub issuer: Option<String>,
    /// What `aud` has to hold, where that is checked.
    pub audience: Option<String>,
}

/// Why issuers can't be set up.
#[derive(Debug, Error)]
#[error("external issuers can't be set up: {0}")]
pub struct IssuersError(String);

/// Checks tokens of the configured issuers, in their order.
pub struct ExternalIssuers(Vec<Issuer>);

struct Issuer {
    settings: IssuerSettings,
    secret: Option<DecodingKey>,
    keys: Option<KeySet>,
}

impl ExternalIssuers {
    /// Fetches nothing yet.
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

/// One or several (RFC 7519 section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub fn holds(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }

    pub fn is_only(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => matches!(&audiences[..], [audience] if audience == wanted),
        }
    }
}

#[async_trait]
impl Issuers for ExternalIssuers {
    async fn verify(&self, token: &str, now: Stamp) -> Result<ExternalToken, AuthFailure> {
        let parts = Parts::read(token)?;
        for issuer in &self.0 {
            if issuer.signed(&parts, now).await {
                let claims = serde_json::from_slice(&parts.payload()?).map_err(|_| AuthFailure::Malformed)?;
                return issuer.read(claims, now);
            }
        }
        Err(AuthFailure::NotTrusted)
    }
}

impl Issuer {
    /// Whether one of its keys signed the token. The shared secret is never offered to an asymmetric algorithm, nor a public key to
    /// HMAC.
    async fn signed(&self, parts: &Parts<'_>, now: Stamp) -> bool {
        if parts.header.alg == "HS256" {
            let good = |secret: &DecodingKey| {
                crypto::verify(parts.signature, parts.message, secret, Algorithm::HS256).unwrap_or(false)
            };
            return self.secret.as_ref().is_some_and(good);
        }
        // Nothing is fetched for an algorithm that no published key can have.
        if !["EdDSA", "ES256", "RS256", "PS256"].contains(&parts.header.alg.as_str()) {
            return false;
        }
        let Some(keys) = &self.keys else { return false };
        keys.signed(parts, now).await
    }

    fn read(&self, claims: Claims, now: Stamp) -> Result<ExternalToken, AuthFailure> {
        let expected =
            |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(fits);
        let by_issuer = expected(&self.settings.issuer, &|wanted| claims.iss.as_deref() == Some(wanted));
        let for_us = expected(&self.settings.audience, &|wanted| {
            claims.aud.as_ref().is_some_and(|aud| aud.holds(wanted))
        });
        if !by_issuer || !for_us {
            return Err(AuthFailure::NotTrusted);
        }
        if !is_subject(&claims.sub) {
            return Err(AuthFailure::Malformed);
        }
        let latest = now.plus(LEEWAY);
        for from in [claims.iat, claims.nbf].into_iter().flatten() {
            if whole(from)? > latest {
                return Err(AuthFailure::NotTrusted);
            }
        }
        let expires_at = whole(claims.exp)?;
        if expires_at.plus(LEEWAY) <= now {
            return Err(AuthFailure::Expired);
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

/// Whether it can be a user's id: 255 characters at most, as OpenID Connect Core 1.0 section 2 has it, and none of them a control
/// character, of which some can't be stored.
pub(crate) fn is_subject(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 255 && !text.contains(char::is_control)
}

/// A date, which may have a fraction (RFC 7519 section 2, `NumericDate`).
pub(crate) fn whole(seconds: f64) -> Result<Stamp, AuthFailure> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float too large saturates, and the date is refused"
    )]
    date(seconds.floor() as i64)
}
