//! Ed25519 key pairs (RFC 8037): whoever has the published half can check tokens, and make none.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// A key pair that signs tokens.
pub struct KeyPair {
    id: String,
    /// The private half, PKCS #8.
    der: Vec<u8>,
    jwk: Jwk,
}

/// Why a text holds no key pairs.
#[derive(Debug, Error)]
pub enum KeyPairError {
    /// No `PRIVATE KEY` block is in it.
    #[error("has no block that begins with -----BEGIN PRIVATE KEY-----")]
    Absent,
    /// A block holds something else.
    #[error("has a block that is no Ed25519 key in PKCS #8 form")]
    Malformed,
}

impl KeyPair {
    /// The key pairs in a text of PEM blocks, as `openssl genpkey -algorithm ed25519` writes them.
    pub fn parse_all(pem: &SecretString) -> Result<Vec<Self>, KeyPairError> {
        let blocks = pem.expose_secret().split("-----BEGIN PRIVATE KEY-----").skip(1);
        let pairs = blocks.map(|block| {
            let (body, _) = block.split_once("-----END PRIVATE KEY-----").ok_or(KeyPairError::Malformed)?;
            let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
            Self::of_der(&STANDARD.decode(body).map_err(|_| KeyPairError::Malformed)?)
        });
        let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
        if pairs.is_empty() { Err(KeyPairError::Absent) } else { Ok(pairs) }
    }

    fn of_der(der: &[u8]) -> Result<Self, KeyPairError> {
        let malformed = |_| KeyPairError::Malformed;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyPairError::Malformed)?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let jwk = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let mut jwk: Jwk = serde_json::from_value(jwk).map_err(|_| KeyPairError::Malformed)?;
        let id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(malformed)?;
        jwk.common.key_id = Some(id.clone());
        jwk.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        // One form whatever the file had: with the public half in it or without.
        let der = pair.to_pkcs8v1().map_err(|_| KeyPairError::Malformed)?;
        Ok(Self { id, der: der.as_ref().to_vec(), jwk })
    }

    /// A new one.
    ///
    /// # Panics
    /// When the operating system has no random bytes to give.
    #[must_use]
    #[expect(clippy::expect_used, reason = "without randomness nothing can be kept safe")]
    pub fn generate() -> Self {
        let pair = Ed25519KeyPair::generate().expect("the operating system gives random bytes");
        let der = pair.to_pkcs8v1().expect("a new key has this form");
        Self::of_der(der.as_ref()).expect("what was just written can be read")
    }

    /// Its `kid`: the thumbprint of the public half (RFC 7638).
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn signing(&self) -> EncodingKey {
        EncodingKey::from_ed_der(&self.der)
    }

    #[expect(clippy::expect_used, reason = "the JWK was made from a key of this kind")]
    pub(crate) fn verifying(&self) -> DecodingKey {
        DecodingKey::from_jwk(&self.jwk).expect("an Ed25519 key")
    }

    /// The published half, as a JWK (RFC 7517) in JSON.
    #[must_use]
    pub fn public_jwk(&self) -> serde_json::Value {
        serde_json::to_value(&self.jwk).unwrap_or_default()
    }
}
