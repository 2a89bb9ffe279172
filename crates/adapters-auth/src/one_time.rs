//! The secrets of one-time tokens, derived.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::account::{OneTimeId, OneTimeSecrets};
use domain::session::TokenHash;

use crate::keys::{KeyRing, derive};
use crate::refresh::sha256;

/// Derives each secret as HMAC-SHA256 of the token's id under a key of its own.
pub struct HmacOneTimeSecrets(hmac::Key);

impl HmacOneTimeSecrets {
    /// Derives the key from the ring's first secret.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        let secret = ring.secrets().next().unwrap_or_default();
        Self(hmac::Key::new(hmac::HMAC_SHA256, &derive::<32>(secret, "one-time token")))
    }
}

impl OneTimeSecrets for HmacOneTimeSecrets {
    fn derive(&self, id: OneTimeId) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, id.0.as_bytes()))
    }

    fn hash(&self, secret: &str) -> TokenHash {
        sha256(secret)
    }
}
