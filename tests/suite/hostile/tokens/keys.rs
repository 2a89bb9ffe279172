//! Signing keys of the server, the issuer and the attacker.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

/// A signing key, with its public half.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    signing: EncodingKey,
    /// The public half with its `kid`; null for a secret.
    pub jwk: Value,
    pem: String,
}

impl Key {
    pub fn secret(secret: impl AsRef<[u8]>) -> Self {
        let signing = EncodingKey::from_secret(secret.as_ref());
        Self { algorithm: Algorithm::HS256, signing, jwk: Value::Null, pem: String::new() }
    }

    pub fn ed25519() -> Self {
        let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect("a key");
        Self::pair(Algorithm::EdDSA, EncodingKey::from_ed_der(der.as_ref()), der.as_ref())
    }

    pub fn p256() -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        Self::pair(Algorithm::ES256, EncodingKey::from_ec_der(der.as_ref()), der.as_ref())
    }

    pub fn rsa() -> Self {
        let der = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key").as_der().expect("PKCS #8");
        let signing = EncodingKey::from_rsa_pem(pem(der.as_ref()).as_bytes()).expect("a key");
        Self::pair(Algorithm::RS256, signing, der.as_ref())
    }

    fn pair(algorithm: Algorithm, signing: EncodingKey, der: &[u8]) -> Self {
        let jwk = Jwk::from_encoding_key(&signing, algorithm).expect("a public half");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = json!(format!("{algorithm:?} key of the test"));
        Self { algorithm, signing, jwk, pem: pem(der) }
    }

    /// The private half as PKCS #8 in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The name of the algorithm in headers.
    pub fn alg(&self) -> String {
        format!("{:?}", self.algorithm)
    }

    /// The same key with another algorithm.
    pub fn used_for(&self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self.clone() }
    }

    /// A token of exactly these texts.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        self.sign_segments(&segment(header), &segment(claims))
    }

    /// A token of these segments, which need not be base64url.
    pub fn sign_segments(&self, header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        let signature = crypto::sign(message.as_bytes(), &self.signing, self.algorithm).expect("signed");
        format!("{message}.{signature}")
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

pub fn segment(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}
