//! One published key of an issuer (JWK, RFC 7517 section 4).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use crate::jwt::Segments;

/// A public key and the algorithms that it may verify.
pub(crate) struct VerificationKey {
    pub id: Option<String>,
    /// Fixed by the key; a token can only choose among these (RFC 8725 section 3.1).
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

impl VerificationKey {
    /// Whether the private half of this key signed the token.
    pub fn verifies(&self, token: &Segments<'_>) -> bool {
        self.algorithm(&token.header.alg).is_some_and(|algorithm| {
            crypto::verify(token.signature, token.message, &self.key, algorithm).unwrap_or(false)
        })
    }

    /// The algorithm that the header names, if this key allows it.
    fn algorithm(&self, alg: &str) -> Option<Algorithm> {
        self.algorithms.iter().copied().find(|algorithm| format!("{algorithm:?}") == alg)
    }

    /// `None` if the key is not for signatures or of an unsupported kind.
    pub fn from_jwk(jwk: &Jwk) -> Option<Self> {
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
