//! What stands in a token.

use std::borrow::Cow;

use domain::session::{AuthFailure, Grant, RefreshGrant, Scope, VerifiedToken};
use domain::{SessionId, Stamp, TokenId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of token that lets a request in.
const ACCESS: &str = "access";

/// The kind of token that gives new ones.
const REFRESH: &str = "refresh";

/// When and for whom a token is good.
pub(super) struct Terms<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub issued_at: Stamp,
    pub not_before: Option<Stamp>,
    pub expires_at: Stamp,
}

/// A token's payload. Members that are not here are ignored, one that stands there twice is an error.
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
    pub fn of(grant: &'a Grant, issuer: &'a str, audience: &'a str) -> Self {
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

    /// What it says and on what terms; an error where it is no access token with ids and dates in it.
    pub fn read(&self) -> Result<(Terms<'_>, VerifiedToken), AuthFailure> {
        if self.kind != ACCESS {
            return Err(AuthFailure::Malformed);
        }
        let terms = Terms {
            issuer: &self.iss,
            audience: &self.aud,
            issued_at: date(self.iat)?,
            not_before: self.nbf.map(date).transpose()?,
            expires_at: date(self.exp)?,
        };
        let verified = VerifiedToken {
            user: UserId(id(&self.sub)?),
            subject: self.sub.clone().into_owned(),
            session: SessionId(id(&self.sid)?),
            token: TokenId(id(&self.jti)?),
            expires_at: terms.expires_at,
            scopes: Scope::ALL
                .into_iter()
                .filter(|scope| self.scope.split(' ').any(|word| word == scope.as_str()))
                .collect(),
        };
        Ok((terms, verified))
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
    pub fn of(grant: &RefreshGrant, issuer: &str, audience: &str) -> Self {
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

    /// On what terms it is good; an error where it is no refresh token.
    pub fn read(&self) -> Result<Terms<'_>, AuthFailure> {
        if self.kind != REFRESH {
            return Err(AuthFailure::Malformed);
        }
        Ok(Terms {
            issuer: &self.iss,
            audience: &self.aud,
            issued_at: date(self.iat)?,
            not_before: None,
            expires_at: date(self.exp)?,
        })
    }
}

fn id(text: &str) -> Result<Uuid, AuthFailure> {
    Uuid::try_parse(text).map_err(|_| AuthFailure::Malformed)
}

pub(crate) fn date(seconds: i64) -> Result<Stamp, AuthFailure> {
    seconds.checked_mul(1_000_000).and_then(Stamp::from_micros).ok_or(AuthFailure::Malformed)
}
