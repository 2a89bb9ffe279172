//! The server's secrets and what is derived from them.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The secrets a server is configured with, the signing one first. More than one is there while secrets rotate: what an
/// older one signed is accepted until it expires.
///
/// Access tokens are signed with a secret itself, so that whoever shares it can check them; for every other purpose a key
/// of its own is derived (HKDF, RFC 5869), so that no use tells anything about another.
pub struct KeyRing {
    secrets: Vec<SecretString>,
}

/// Why a configured secret is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyRingError {
    /// It, or a part of it between commas, is empty.
    #[error("has an empty secret in it")]
    Empty,
}

impl KeyRing {
    /// Takes the secrets that commas separate in `text`; white space around each is ignored.
    pub fn parse(text: &SecretString) -> Result<Self, KeyRingError> {
        let mut secrets: Vec<SecretString> = Vec::new();
        for part in text.expose_secret().split(',').map(str::trim) {
            if part.is_empty() {
                return Err(KeyRingError::Empty);
            }
            if !secrets.iter().any(|known| known.expose_secret() == part) {
                secrets.push(part.into());
            }
        }
        Ok(Self { secrets })
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.secrets.iter().map(|secret| secret.expose_secret().as_bytes())
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// `N` bytes for `purpose`, at most 8,160 (RFC 5869 section 2.3).
pub(crate) fn derive<const N: usize>(secret: &[u8], purpose: &str) -> [u8; N] {
    let mut key = [0; N];
    let extracted = Salt::new(HKDF_SHA256, b"todo-sync").extract(secret);
    let info = [purpose.as_bytes()];
    let filled = extracted.expand(&info, Length(N)).and_then(|okm| okm.fill(&mut key));
    #[expect(clippy::expect_used, reason = "HKDF fails for more than 255 blocks only, and N is a constant")]
    filled.expect("the length is within HKDF's limit");
    key
}

/// A new secret for a server that was given none: 384 random bits, base64url.
///
/// # Panics
/// When the operating system has no random bytes to give.
#[must_use]
pub fn generate_secret() -> SecretString {
    let mut bytes = [0; 48];
    #[expect(
        clippy::expect_used,
        reason = "without randomness from the operating system nothing can be kept safe"
    )]
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_part_is_refused() {
        for text in ["", " ", "a,,b", "a,", ","] {
            assert_eq!(KeyRing::parse(&text.into()).err(), Some(KeyRingError::Empty), "{text:?}");
        }
    }

    #[test]
    fn parts_are_trimmed_and_kept_in_order_once_each() {
        let ring = KeyRing::parse(&" one, two ,one".into()).expect("valid");
        assert_eq!(ring.secrets().collect::<Vec<_>>(), [b"one", b"two"]);
    }

    #[test]
    fn each_purpose_and_each_secret_has_its_own_key() {
        let keys = [derive::<32>(b"a", "x"), derive::<32>(b"a", "y"), derive::<32>(b"b", "x")];
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
        assert_eq!(keys[0], derive::<32>(b"a", "x"));
    }

    #[test]
    fn generated_secrets_differ_and_hold_no_comma() {
        let (a, b) = (generate_secret(), generate_secret());
        assert_ne!(a.expose_secret(), b.expose_secret());
        assert_eq!(a.expose_secret().len(), 64);
        assert!(!a.expose_secret().contains(','));
    }
}
