//! The claims of the server's own tokens, and their dates.

use std::borrow::Cow;

use domain::session::{AuthFailure, Grant, RefreshGrant, Scope, VerifiedToken};
use domain::{SessionId, Stamp, TokenId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ACCESS: &str = "access";
const REFRESH: &str = "refresh";

/// The claims that decide whether a token is valid now and here.
pub(super) struct Validity<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub issued_at: Stamp,
    pub not_before: Option<Stamp>,
    pub expires_at: Stamp,
}

/// The payload of an access token. Unknown members are ignored; a repeated member is an error.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims<'a> {
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    #[serde(borrow)]
    sid: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
}

impl<'a> Claims<'a> {
    pub fn new(grant: &'a Grant, issuer: &'a str, audience: &'a str) -> Self {
        Self {
            sub: grant.user.to_string().into(),
            email: grant.email.as_ref().map(|email| email.as_str().into()),
            iat: grant.issued_at.as_secs(),
            exp: grant.expires_at.as_secs(),
            nbf: None,
            jti: grant.token.to_string().into(),
            sid: grant.session.to_string().into(),
            scope: Scope::ALL.map(Scope::as_str).join(" ").into(),
            kind: ACCESS.into(),
            iss: issuer.into(),
            aud: audience.into(),
        }
    }

    /// Converts the claims. Fails if this is not an access token, or if an id or a date is malformed.
    pub fn read(&self) -> Result<(Validity<'_>, VerifiedToken), AuthFailure> {
        if self.kind != ACCESS {
            return Err(AuthFailure::Malformed);
        }
        let validity = Validity {
            issuer: &self.iss,
            audience: &self.aud,
            issued_at: timestamp(self.iat)?,
            not_before: self.nbf.map(timestamp).transpose()?,
            expires_at: timestamp(self.exp)?,
        };
        let verified = VerifiedToken {
            user: UserId(id(&self.sub)?),
            subject: self.sub.clone().into_owned(),
            session: SessionId(id(&self.sid)?),
            token: TokenId(id(&self.jti)?),
            expires_at: validity.expires_at,
            scopes: Scope::ALL
                .into_iter()
                .filter(|scope| self.scope.split(' ').any(|word| word == scope.as_str()))
                .collect(),
        };
        Ok((validity, verified))
    }
}

/// The payload of a refresh token.
#[derive(Serialize, Deserialize)]
pub(super) struct RefreshClaims {
    sub: String,
    iat: i64,
    exp: i64,
    jti: String,
    sid: String,
    #[serde(rename = "type")]
    kind: String,
    iss: String,
    aud: String,
}

impl RefreshClaims {
    pub fn new(grant: &RefreshGrant, issuer: &str, audience: &str) -> Self {
        Self {
            sub: grant.user.to_string(),
            iat: grant.issued_at.as_secs(),
            exp: grant.expires_at.as_secs(),
            jti: grant.token.to_string(),
            sid: grant.session.to_string(),
            kind: REFRESH.to_owned(),
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
        }
    }

    /// Fails if this is not a refresh token, or if a date is malformed.
    pub fn read(&self) -> Result<Validity<'_>, AuthFailure> {
        if self.kind != REFRESH {
            return Err(AuthFailure::Malformed);
        }
        Ok(Validity {
            issuer: &self.iss,
            audience: &self.aud,
            issued_at: timestamp(self.iat)?,
            not_before: None,
            expires_at: timestamp(self.exp)?,
        })
    }
}

fn id(text: &str) -> Result<Uuid, AuthFailure> {
    Uuid::try_parse(text).map_err(|_| AuthFailure::Malformed)
}

/// Converts whole seconds since the Unix epoch.
fn timestamp(seconds: i64) -> Result<Stamp, AuthFailure> {
    seconds.checked_mul(1_000_000).and_then(Stamp::from_micros).ok_or(AuthFailure::Malformed)
}

/// Converts a `NumericDate`, which may have a fraction (RFC 7519 section 2).
pub(crate) fn numeric_date(seconds: f64) -> Result<Stamp, AuthFailure> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float that is too large saturates, and the date is then refused"
    )]
    timestamp(seconds.floor() as i64)
}
