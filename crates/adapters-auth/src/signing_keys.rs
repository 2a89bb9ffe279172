//! Ed25519 key pairs (RFC 8037). A program that knows the public half can verify tokens but not
//! sign them.

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
    /// PKCS #8, without the public half.
    der: Vec<u8>,
    jwk: Jwk,
}

/// Why a text cannot be read as key pairs.
#[derive(Debug, Error)]
pub enum KeyPairError {
    #[error("must contain a block that begins with -----BEGIN PRIVATE KEY-----")]
    Missing,
    #[error("must contain only Ed25519 keys in PKCS #8 form")]
    Malformed,
}

impl KeyPair {
    /// Parses the PEM blocks that `openssl genpkey -algorithm ed25519` writes.
    pub fn parse_all(pem: &SecretString) -> Result<Vec<Self>, KeyPairError> {
        let blocks = pem.expose_secret().split("-----BEGIN PRIVATE KEY-----").skip(1);
        let pairs = blocks.map(|block| {
            let (body, _) = block.split_once("-----END PRIVATE KEY-----").ok_or(KeyPairError::Malformed)?;
            let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
            Self::from_der(&STANDARD.decode(body).map_err(|_| KeyPairError::Malformed)?)
        });
        let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
        if pairs.is_empty() { Err(KeyPairError::Missing) } else { Ok(pairs) }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyPairError> {
        let malformed = |_| KeyPairError::Malformed;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyPairError::Malformed)?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let jwk = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let mut jwk: Jwk = serde_json::from_value(jwk).map_err(|_| KeyPairError::Malformed)?;
        let id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(malformed)?;
        jwk.common.key_id = Some(id.clone());
        jwk.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        // PKCS #8 may or may not contain the public half; normalize it to the form without.
        let der = pair.to_pkcs8v1().map_err(|_| KeyPairError::Malformed)?;
        Ok(Self { id, der: der.as_ref().to_vec(), jwk })
    }

    /// Generates a key pair.
    ///
    /// # Panics
    /// If the operating system provides no random bytes.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the server must not run without randomness")]
    pub fn generate() -> Self {
        let pair = Ed25519KeyPair::generate().expect("the operating system provides random bytes");
        let der = pair.to_pkcs8v1().expect("a generated key can be encoded");
        Self::from_der(der.as_ref()).expect("an encoded key can be parsed")
    }

    /// The `kid`: the thumbprint of the public half (RFC 7638).
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn encoding_key(&self) -> EncodingKey {
        EncodingKey::from_ed_der(&self.der)
    }

    #[expect(clippy::expect_used, reason = "`from_der` builds the JWK from an Ed25519 key")]
    pub(crate) fn decoding_key(&self) -> DecodingKey {
        DecodingKey::from_jwk(&self.jwk).expect("an Ed25519 key")
    }

    /// The public half, as a JWK (RFC 7517).
    #[must_use]
    pub fn public_jwk(&self) -> serde_json::Value {
        serde_json::to_value(&self.jwk).unwrap_or_default()
    }
}
