//! The segments of a compact JWS (RFC 7515 section 7.1), before its signature is verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::session::AuthFailure;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// The longest token that is parsed. The server's own tokens are a tenth of that.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The header members that the server reads.
///
/// It ignores the members that locate a key (`jku`, `jwk`, `x5u`).
#[derive(Deserialize)]
pub(crate) struct JoseHeader {
    pub alg: String,
    pub typ: Option<String>,
    pub kid: Option<String>,
    /// Whether the member is present, with any value.
    #[serde(default, deserialize_with = "is_present")]
    crit: bool,
}

fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token split at its dots.
pub(crate) struct Segments<'a> {
    pub header: JoseHeader,
    /// The bytes that the signature covers.
    pub message: &'a [u8],
    pub signature: &'a str,
    payload: &'a str,
}

impl<'a> Segments<'a> {
    /// Splits a token and decodes its header.
    ///
    /// Refuses a header with `crit`, because the server implements no extension. Also refuses every
    /// `typ` other than `JWT`: issuers use other types for tokens that are not logins.
    pub fn parse(token: &'a str) -> Result<Self, AuthFailure> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthFailure::Malformed);
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(AuthFailure::Malformed);
        };
        let message = &token.as_bytes()[..header.len() + 1 + payload.len()];
        let header: JoseHeader =
            serde_json::from_slice(&decode(header)?).map_err(|_| AuthFailure::Malformed)?;
        let is_jwt = |typ: &String| typ.eq_ignore_ascii_case("JWT");
        if header.crit || !header.typ.as_ref().is_none_or(is_jwt) {
            return Err(AuthFailure::Malformed);
        }
        Ok(Self { header, message, signature, payload })
    }

    /// Decodes the claims. Call it only after verifying the signature.
    pub fn payload(&self) -> Result<Vec<u8>, AuthFailure> {
        decode(self.payload)
    }
}

fn decode(segment: &str) -> Result<Vec<u8>, AuthFailure> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| AuthFailure::Malformed)
}
