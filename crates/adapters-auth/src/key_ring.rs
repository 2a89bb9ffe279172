//! The server's secrets and the keys derived from them.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The configured secrets. The first one signs. The others exist during a rotation: the server still
/// accepts what they signed.
///
/// Access tokens are signed with the secret itself, so that another program that shares the secret
/// can verify them. Every other purpose has its own derived key (HKDF, RFC 5869), so that one use
/// reveals nothing about another.
pub struct KeyRing {
    secrets: Vec<SecretString>,
}

/// Why a text is not a list of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must not hold an empty secret")]
pub struct EmptySecret;

impl KeyRing {
    /// Parses comma-separated secrets. White space around each is ignored, and so are repetitions.
    pub fn parse(text: &SecretString) -> Result<Self, EmptySecret> {
        let mut secrets: Vec<SecretString> = Vec::new();
        for secret in text.expose_secret().split(',').map(str::trim) {
            if secret.is_empty() {
                return Err(EmptySecret);
            }
            if !secrets.iter().any(|known| known.expose_secret() == secret) {
                secrets.push(secret.into());
            }
        }
        Ok(Self { secrets })
    }

    /// A key for the names under which rate limits are counted outside the process. It is derived from the
    /// secret that signs.
    #[must_use]
    pub fn rate_limit_key(&self) -> [u8; 32] {
        let current = self.secrets.first().map(ExposeSecret::expose_secret).unwrap_or_default();
        derive(current.as_bytes(), "rate limits")
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.secrets.iter().map(|secret| secret.expose_secret().as_bytes())
    }
}

/// One HMAC-SHA256 key for each secret of a ring, derived for one purpose.
pub(crate) struct HmacKeys {
    current: hmac::Key,
    older: Vec<hmac::Key>,
}

impl HmacKeys {
    pub fn derive(ring: &KeyRing, purpose: &str) -> Self {
        let key = |secret| hmac::Key::new(hmac::HMAC_SHA256, &derive::<32>(secret, purpose));
        let mut keys: Vec<_> = ring.secrets().map(key).collect();
        Self { current: keys.remove(0), older: keys }
    }

    /// The key of the first secret.
    pub fn current(&self) -> &hmac::Key {
        &self.current
    }

    /// All keys, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &hmac::Key> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Derives `N` bytes for `purpose`; `N` is at most 8,160 (RFC 5869 section 2.3).
pub(crate) fn derive<const N: usize>(secret: &[u8], purpose: &str) -> [u8; N] {
    let mut key = [0; N];
    let extracted = Salt::new(HKDF_SHA256, b"todo-sync").extract(secret);
    let info = [purpose.as_bytes()];
    let filled = extracted.expand(&info, Length(N)).and_then(|okm| okm.fill(&mut key));
    #[expect(clippy::expect_used, reason = "HKDF fails only beyond 255 blocks, and N is a constant")]
    filled.expect("the length is within HKDF's limit");
    key
}

/// A public name for a secret: 16 hexadecimal digits that reveal nothing about it.
pub(crate) fn key_id(secret: &[u8], purpose: &str) -> String {
    format!("{:016x}", u64::from_be_bytes(derive(secret, purpose)))
}

/// Generates a secret of 384 random bits, encoded as base64url.
///
/// # Panics
/// If the operating system provides no random bytes.
#[must_use]
pub fn generate_secret() -> SecretString {
    let mut bytes = [0; 48];
    #[expect(clippy::expect_used, reason = "the server must not run without randomness")]
    rand::fill(&mut bytes).expect("the operating system provides random bytes");
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_is_refused() {
        for text in ["", " ", "a,,b", "a,", ","] {
            assert_eq!(KeyRing::parse(&text.into()).err(), Some(EmptySecret), "{text:?}");
        }
    }

    #[test]
    fn secrets_are_trimmed_and_deduplicated_in_order() {
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
