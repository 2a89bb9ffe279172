//! One key of an issuer (JWK, RFC 7517 section 4) and what it may check.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use crate::jwt::Parts;

/// One published key.
pub(crate) struct PublicKey {
    /// Its `kid`, where it has one.
    pub id: Option<String>,
    /// Fixed by the key: a token only chooses among these (RFC 8725 section 3.1).
    algorithms: &'static [Algorithm],
    /// What checks signatures.
    key: DecodingKey,
}

impl PublicKey {
    /// Whether it signed the token.
    pub fn signed(&self, parts: &Parts<'_>) -> bool {
        self.algorithm(&parts.header.alg).is_some_and(|algorithm| {
            crypto::verify(parts.signature, parts.message, &self.key, algorithm).unwrap_or(false)
        })
    }

    /// The algorithm that a token's header names, where it is one of this key's.
    fn algorithm(&self, named: &str) -> Option<Algorithm> {
        self.algorithms.iter().copied().find(|algorithm| format!("{algorithm:?}") == named)
    }

    /// `None` for a key that can't check signatures here.
    pub fn read(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        let algorithms: &'static [Algorithm] = match (&jwk.algorithm, jwk.common.key_algorithm) {
            (AlgorithmParameters::OctetKeyPair(key), None | Some(KeyAlgorithm::EdDSA))
                if key.curve == EllipticCurve::Ed25519 =>
            {
                &[Algorithm::EdDSA]
            }
            (AlgorithmParameters::EllipticCurve(key), None | Some(KeyAlgorithm::ES256))
                if key.curve == EllipticCurve::P256 =>
            {
                &[Algorithm::ES256]
            }
            (AlgorithmParameters::RSA(_), None) => &[Algorithm::RS256, Algorithm::PS256],
            (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS256)) => &[Algorithm::RS256],
            (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS256)) => &[Algorithm::PS256],
            _ => return None,
        };
        Some(Self { id: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(jwk).ok()? })
    }
}
