//! The secrets of one-time tokens, derived.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::account::{OneTimeId, OneTimeSecrets};
use domain::session::TokenHash;
use uuid::Uuid;

use crate::keys::{KeyRing, derive};
use crate::refresh::sha256;

const ID_BYTES: usize = 16;

/// Makes each secret of the token's id and an HMAC-SHA256 of it under a key of its own for each of the server's secrets. As it
/// names its token, any of the keys that made it will do: a mail that waits while keys rotate leaves with a good link, and a link
/// that left before is good for as long as its key is configured.
pub struct HmacOneTimeSecrets {
    current: hmac::Key,
    older: Vec<hmac::Key>,
}

impl HmacOneTimeSecrets {
    /// Derives the keys.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        let key = |secret| hmac::Key::new(hmac::HMAC_SHA256, &derive::<32>(secret, "one-time token"));
        let mut keys: Vec<_> = ring.secrets().map(key).collect();
        Self { current: keys.remove(0), older: keys }
    }

    /// The id that a secret names, if one of the keys made it.
    fn id(&self, secret: &str) -> Option<OneTimeId> {
        let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let (id, tag) = bytes.split_at_checked(ID_BYTES)?;
        let mut keys = std::iter::once(&self.current).chain(&self.older);
        let made_here = keys.any(|key| hmac::verify(key, id, tag).is_ok());
        Uuid::from_slice(id).ok().filter(|_| made_here).map(OneTimeId)
    }
}

impl OneTimeSecrets for HmacOneTimeSecrets {
    fn derive(&self, id: OneTimeId) -> String {
        let id = id.0.as_bytes();
        URL_SAFE_NO_PAD.encode([&id[..], hmac::sign(&self.current, id).as_ref()].concat())
    }

    fn hash(&self, secret: &str) -> TokenHash {
        match self.id(secret) {
            // No text has this byte in it (RFC 3629 section 3): nobody who knows the id alone can present it as a secret.
            Some(id) => sha256([&[0xff][..], id.0.as_bytes()].concat()),
            None => sha256(secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: OneTimeId = OneTimeId(Uuid::from_u128(7));

    fn secrets(text: &str) -> HmacOneTimeSecrets {
        HmacOneTimeSecrets::new(&KeyRing::parse(&text.into()).expect("valid"))
    }

    #[test]
    fn a_token_stored_before_a_rotation_of_keys_is_proved_by_a_secret_from_after_it() {
        let (before, rotated) = (secrets("old"), secrets("new,old"));
        let stored = before.hash(&before.derive(ID));
        assert_ne!(rotated.derive(ID), before.derive(ID));
        assert_eq!(rotated.hash(&rotated.derive(ID)), stored, "a mail that waited");
        assert_eq!(rotated.hash(&before.derive(ID)), stored, "a link that had left");
        let without_old = secrets("new");
        assert_eq!(without_old.hash(&without_old.derive(ID)), stored);
        assert_ne!(without_old.hash(&before.derive(ID)), stored, "a key that is gone makes no links");
    }

    #[test]
    fn each_token_has_its_own_secret() {
        let one = secrets("one");
        let other = OneTimeId(Uuid::from_u128(8));
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
