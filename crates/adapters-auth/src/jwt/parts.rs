//! The parts of a compact JWS (RFC 7515 section 7.1), before anything is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::session::AuthFailure;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// The longest token that is looked at. The server's own are a tenth of it.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The members of a token's header that count.
///
/// What it says about where to find a key (`jku`, `jwk`, `x5u`) is never looked at.
#[derive(Deserialize)]
pub(crate) struct ReadHeader {
    pub alg: String,
    pub typ: Option<String>,
    pub kid: Option<String>,
    /// Whether it is there, whatever it says.
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token taken apart.
pub(crate) struct Parts<'a> {
    pub header: ReadHeader,
    /// What is signed.
    pub message: &'a [u8],
    pub signature: &'a str,
    payload: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes a token apart. One with `crit` is refused, as nothing it could name is understood, and so is one of another type than a plain
    /// JWT: issuers mark with it what is no login.
    pub fn read(token: &'a str) -> Result<Self, AuthFailure> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthFailure::Malformed);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AuthFailure::Malformed);
        };
        let message = &token.as_bytes()[..header.len() + 1 + payload.len()];
        let header: ReadHeader =
            serde_json::from_slice(&decode(header)?).map_err(|_| AuthFailure::Malformed)?;
        let plain = |typ: &String| typ.eq_ignore_ascii_case("JWT");
        if header.crit || !header.typ.as_ref().is_none_or(plain) {
            return Err(AuthFailure::Malformed);
        }
        Ok(Self { header, message, signature, payload })
    }

    /// What it claims; to be asked for once the signature is known to be right.
    pub fn payload(&self) -> Result<Vec<u8>, AuthFailure> {
        decode(self.payload)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, AuthFailure> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthFailure::Malformed)
}
