//! What stands in a token.

use std::borrow::Cow;

use domain::session::{AuthFailure, Grant, Scope, VerifiedToken};
use domain::{SessionId, Stamp, TokenId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of token that lets a request in.
const ACCESS: &str = "access";

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
    pub iss: Cow<'a, str>,
    #[serde(borrow)]
    pub aud: Cow<'a, str>,
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

    /// When it was issued, and what it says; an error where it is no access token with ids and dates in it.
    pub fn read(&self) -> Result<(Stamp, VerifiedToken), AuthFailure> {
        if self.kind != ACCESS {
            return Err(AuthFailure::Malformed);
        }
        let verified = VerifiedToken {
            user: UserId(id(&self.sub)?),
            subject: self.sub.clone().into_owned(),
            session: SessionId(id(&self.sid)?),
            token: TokenId(id(&self.jti)?),
            expires_at: date(self.exp)?,
            scopes: Scope::ALL
                .into_iter()
                .filter(|scope| self.scope.split(' ').any(|word| word == scope.as_str()))
                .collect(),
        };
        Ok((date(self.iat)?, verified))
    }

    /// The instant before which it is not valid, where it has one.
    pub fn not_before(&self) -> Result<Option<Stamp>, AuthFailure> {
        self.nbf.map(date).transpose()
    }
}

fn id(text: &str) -> Result<Uuid, AuthFailure> {
    Uuid::try_parse(text).map_err(|_| AuthFailure::Malformed)
}

pub(crate) fn date(seconds: i64) -> Result<Stamp, AuthFailure> {
    seconds.checked_mul(1_000_000).and_then(Stamp::from_micros).ok_or(AuthFailure::Malformed)
}
