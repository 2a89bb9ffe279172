//! Derived secrets of one-time tokens.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::OneTimeTokenId;
use domain::one_time::OneTimeSecrets;
use domain::session::TokenHash;
use uuid::Uuid;

use crate::key_ring::{HmacKeys, KeyRing};
use crate::refresh::sha256;

const ID_BYTES: usize = 16;

/// Derives each secret from its token's id: the id followed by its HMAC-SHA256, under a key derived
/// from each of the server's secrets.
///
/// Because the secret contains the id, any configured key can verify it. An email that waits in the
/// outbox while keys rotate is sent with a valid link, and a link that was already sent stays valid
/// until its key is removed.
pub struct HmacOneTimeSecrets(HmacKeys);

impl HmacOneTimeSecrets {
    /// Derives one key from each secret of the ring.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        Self(HmacKeys::derive(ring, "one-time token"))
    }

    /// The id in a secret that one of the keys made.
    fn id(&self, secret: &str) -> Option<OneTimeTokenId> {
        let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let (id, tag) = bytes.split_at_checked(ID_BYTES)?;
        let is_authentic = self.0.all().any(|key| hmac::verify(key, id, tag).is_ok());
        Uuid::from_slice(id).ok().filter(|_| is_authentic).map(OneTimeTokenId)
    }
}

impl OneTimeSecrets for HmacOneTimeSecrets {
    fn derive(&self, id: OneTimeTokenId) -> String {
        let id = id.0.as_bytes();
        URL_SAFE_NO_PAD.encode([&id[..], hmac::sign(self.0.current(), id).as_ref()].concat())
    }

    fn hash(&self, secret: &str) -> TokenHash {
        match self.id(secret) {
            // UTF-8 text never contains the byte 0xff (RFC 3629 section 3), so the id alone, presented
            // as a secret, cannot produce this hash.
            Some(id) => sha256([&[0xff][..], id.0.as_bytes()].concat()),
            None => sha256(secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: OneTimeTokenId = OneTimeTokenId(Uuid::from_u128(7));

    fn secrets(text: &str) -> HmacOneTimeSecrets {
        HmacOneTimeSecrets::new(&KeyRing::parse(&text.into()).expect("valid"))
    }

    #[test]
    fn a_token_stored_before_a_key_rotation_accepts_secrets_from_before_and_after() {
        let (before, rotated) = (secrets("old"), secrets("new,old"));
        let stored = before.hash(&before.derive(ID));
        assert_ne!(rotated.derive(ID), before.derive(ID));
        assert_eq!(rotated.hash(&rotated.derive(ID)), stored, "a link derived after the rotation");
        assert_eq!(rotated.hash(&before.derive(ID)), stored, "a link derived before the rotation");
        let without_old = secrets("new");
        assert_eq!(without_old.hash(&without_old.derive(ID)), stored);
        assert_ne!(without_old.hash(&before.derive(ID)), stored, "a removed key makes no links");
    }

    #[test]
    fn each_token_has_its_own_secret() {
        let one = secrets("one");
        let other = OneTimeTokenId(Uuid::from_u128(8));
        assert_ne!(one.derive(ID), one.derive(other));
        assert_ne!(one.hash(&one.derive(ID)), one.hash(&one.derive(other)));
    }

    #[test]
    fn an_id_without_the_key_proves_nothing() {
        let one = secrets("one");
        let good = one.derive(ID);
        let stored = one.hash(&good);
        let id = ID.0.as_bytes();
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let forged = [
            encoded(id),
            encoded(&[&id[..], &[0; 32]].concat()),
            secrets("two").derive(ID),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            format!("{good}="),
            ID.0.to_string(),
            String::from_utf8_lossy(id).into_owned(),
            String::new(),
        ];
        for secret in forged {
            assert_ne!(one.hash(&secret), stored, "{secret:?}");
        }
    }
}
