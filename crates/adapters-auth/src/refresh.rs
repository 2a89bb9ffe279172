//! Derived refresh tokens.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::SessionId;
use domain::session::{RefreshSecret, RefreshSecrets, TokenHash};

use crate::key_ring::{HmacKeys, KeyRing};

/// Derives refresh tokens: HMAC-SHA256 of the session's id and the generation (big-endian), under a
/// key derived from each of the server's secrets.
pub struct HmacRefreshSecrets(HmacKeys);

impl HmacRefreshSecrets {
    /// Derives one key from each secret of the ring.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        Self(HmacKeys::derive(ring, "refresh token"))
    }
}

fn token(key: &hmac::Key, session: SessionId, generation: u32) -> RefreshSecret {
    let mut context = hmac::Context::with_key(key);
    context.update(session.0.as_bytes());
    context.update(&generation.to_be_bytes());
    RefreshSecret(URL_SAFE_NO_PAD.encode(context.sign()))
}

impl RefreshSecrets for HmacRefreshSecrets {
    fn derive(&self, session: SessionId, generation: u32) -> RefreshSecret {
        token(self.0.current(), session, generation)
    }

    fn recover(&self, session: SessionId, generation: u32, hash: &TokenHash) -> Option<RefreshSecret> {
        let mut derived = self.0.all().map(|key| token(key, session, generation));
        derived.find(|secret| sha256(&secret.0) == *hash)
    }

    fn hash(&self, secret: &str) -> TokenHash {
        sha256(secret)
    }
}

/// The hash under which a store keeps a secret.
pub(crate) fn sha256(secret: impl AsRef<[u8]>) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_ref()).as_ref());
    TokenHash(hash)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SESSION: SessionId = SessionId(Uuid::from_u128(7));

    fn secrets(text: &str) -> HmacRefreshSecrets {
        HmacRefreshSecrets::new(&KeyRing::parse(&text.into()).expect("valid"))
    }

    #[test]
    fn two_instances_with_one_secret_derive_the_same_token() {
        let (a, b) = (secrets("one").derive(SESSION, 3), secrets("one").derive(SESSION, 3));
        assert_eq!(a, b);
        assert_eq!(URL_SAFE_NO_PAD.decode(&a.0).expect("base64url").len(), 32);
    }

    #[test]
    fn session_generation_and_secret_each_change_it() {
        let one = secrets("one");
        let all = [
            one.derive(SESSION, 0),
            one.derive(SESSION, 1),
            one.derive(SessionId(Uuid::from_u128(8)), 0),
            secrets("two").derive(SESSION, 0),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn after_a_rotation_of_secrets_an_older_token_is_still_recovered() {
        let before = secrets("old").derive(SESSION, 2);
        let rotated = secrets("new,old");
        assert_ne!(rotated.derive(SESSION, 2), before);
        for secret in [before, rotated.derive(SESSION, 2)] {
            let hash = rotated.hash(&secret.0);
            assert_eq!(rotated.recover(SESSION, 2, &hash), Some(secret));
            assert_eq!(rotated.recover(SESSION, 3, &hash), None);
        }
    }

    #[test]
    fn the_hash_is_the_sha256_of_the_text() {
        let hash = secrets("one").hash("abc");
        // FIPS 180-2, appendix B.1.
        assert_eq!(hash.0[..8], [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
        assert_eq!(hash.0[24..], [0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad]);
    }
}
