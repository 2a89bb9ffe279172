//! Providers' tokens, encrypted at rest.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use domain::identity::SealedTokens;

use crate::keys::{KeyRing, derive};

/// Encrypts with AES-256-GCM under a random nonce, which stands before the ciphertext. The first key encrypts, and each decrypts
/// what names it: keys rotate by putting a new one in front.
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
            let id = format!("{:016x}", u64::from_be_bytes(derive(secret, "provider token key id")));
            let key = RandomizedNonceKey::new(&AES_256_GCM, &derive::<32>(secret, "provider token"));
            key.ok().map(|key| SealingKey { id, key })
        };
        Self { keys: ring.secrets().filter_map(key).collect() }
    }

    /// Encrypts a provider's tokens; whatever can't be is not kept.
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

    /// Decrypts one; `None` where its key is not configured any more or it was altered.
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
    fn what_one_key_sealed_opens_while_it_is_configured() {
        let sealed = sealer("old").seal(Some("access"), None);
        let (id, access) = (sealed.key_id.expect("a key"), sealed.access.expect("sealed"));
        assert_eq!(sealer("new,old").open(&id, &access).as_deref(), Some("access"));
        assert_eq!(sealer("new").open(&id, &access), None);
        assert_ne!(sealer("new,old").seal(Some("access"), None).key_id.as_deref(), Some(id.as_str()));
    }

    #[test]
    fn the_same_token_never_looks_the_same_and_alterations_show() {
        let sealer = sealer("one");
        let (a, b) = (sealer.seal(Some("t"), None), sealer.seal(Some("t"), None));
        let (id, mut access) = (a.key_id.expect("a key"), a.access.expect("sealed"));
        assert_ne!(Some(&access), b.access.as_ref());
        access[NONCE_LEN] ^= 1;
        assert_eq!(sealer.open(&id, &access), None);
        assert_eq!(sealer.open(&id, &[1, 2, 3]), None);
    }
}
