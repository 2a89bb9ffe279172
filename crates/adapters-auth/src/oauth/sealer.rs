//! Encrypts the tokens of OAuth providers at rest.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use domain::identity::SealedTokens;

use crate::key_ring::{KeyRing, derive, key_id};

/// Encrypts with AES-256-GCM. A random nonce precedes the ciphertext. The first key encrypts, and each
/// key decrypts what was encrypted under its id, so a new key can be put in front to rotate.
pub struct Sealer {
    keys: Vec<SealingKey>,
}

struct SealingKey {
    id: String,
    key: RandomizedNonceKey,
}

impl Sealer {
    /// Derives a key from each secret of the ring.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        let key = |secret| {
            let id = key_id(secret, "provider token key id");
            let key = RandomizedNonceKey::new(&AES_256_GCM, &derive::<32>(secret, "provider token"));
            key.ok().map(|key| SealingKey { id, key })
        };
        Self { keys: ring.secrets().filter_map(key).collect() }
    }

    /// Encrypts a provider's tokens. A token that cannot be encrypted is dropped.
    #[must_use]
    pub fn seal(&self, access: Option<&str>, refresh: Option<&str>) -> SealedTokens {
        let Some(key) = self.keys.first() else { return SealedTokens::default() };
        let seal = |token: &str| {
            let mut bytes = token.as_bytes().to_vec();
            let nonce = key.key.seal_in_place_append_tag(Aad::empty(), &mut bytes).ok()?;
            Some([nonce.as_ref().as_slice(), &bytes].concat())
        };
        SealedTokens {
            key_id: Some(key.id.clone()),
            access: access.and_then(seal),
            refresh: refresh.and_then(seal),
        }
    }

    /// Decrypts one token. `None` if its key is no longer configured or the ciphertext was altered.
    #[must_use]
    pub fn open(&self, key_id: &str, sealed: &[u8]) -> Option<String> {
        let key = self.keys.iter().find(|key| key.id == key_id)?;
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let mut bytes = bytes.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = key.key.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secrets: &str) -> Sealer {
        Sealer::new(&KeyRing::parse(&secrets.into()).expect("valid"))
    }

    #[test]
    fn a_sealed_token_opens_as_long_as_its_key_is_configured() {
        let sealed = sealer("old").seal(Some("access"), None);
        let (id, access) = (sealed.key_id.expect("a key"), sealed.access.expect("sealed"));
        assert_eq!(sealer("new,old").open(&id, &access).as_deref(), Some("access"));
        assert_eq!(sealer("new").open(&id, &access), None);
        assert_ne!(sealer("new,old").seal(Some("access"), None).key_id.as_deref(), Some(id.as_str()));
    }

    #[test]
    fn sealing_a_token_twice_differs_and_an_alteration_is_detected() {
        let sealer = sealer("one");
        let (a, b) = (sealer.seal(Some("t"), None), sealer.seal(Some("t"), None));
        let (id, mut access) = (a.key_id.expect("a key"), a.access.expect("sealed"));
        assert_ne!(Some(&access), b.access.as_ref());
        access[NONCE_LEN] ^= 1;
        assert_eq!(sealer.open(&id, &access), None);
        assert_eq!(sealer.open(&id, &[1, 2, 3]), None);
    }
}
