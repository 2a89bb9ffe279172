//! Access tokens as JSON Web Tokens (RFC 7519): signed with EdDSA if a key pair is configured, and
//! with HMAC-SHA256 under the server's secret otherwise.

mod claims;
#[cfg(test)]
mod hostile;
mod segments;

use std::time::Duration;

use domain::Stamp;
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Grant, RefreshGrant, RefreshSecret, VerifiedToken,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto, encode};
use serde::Serialize;

pub(crate) use self::claims::numeric_date;
use self::claims::{Claims, RefreshClaims, Validity};
pub use self::segments::MAX_TOKEN_BYTES;
pub(crate) use self::segments::Segments;
use crate::key_ring::{self, KeyRing};
use crate::signing_keys::KeyPair;

/// The clock skew that is tolerated between two machines.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// Signs and verifies the server's own tokens. The first key of each kind signs; all keys verify.
pub struct JwtAccessTokens {
    access: SigningKey,
    refresh: SigningKey,
    keys: Vec<VerifyingKey>,
    issuer: String,
    audience: String,
}

struct SigningKey {
    header: Header,
    key: EncodingKey,
}

impl SigningKey {
    fn new(algorithm: Algorithm, id: String, key: EncodingKey) -> Self {
        let mut header = Header::new(algorithm);
        header.kid = Some(id);
        Self { header, key }
    }

    fn sign(&self, claims: &impl Serialize) -> String {
        let signed = encode(&self.header, claims, &self.key);
        #[expect(
            clippy::expect_used,
            reason = "strings and numbers always serialize, and every key here can sign"
        )]
        signed.expect("claims can be signed")
    }
}

struct VerifyingKey {
    id: String,
    /// Fixed by the key; a token's header cannot change it (RFC 8725 section 3.1).
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtAccessTokens {
    /// Issues and accepts tokens whose `iss` is `issuer` and whose `aud` is `audience`.
    ///
    /// The first of `key_pairs` signs access tokens; without key pairs, the first secret of the ring
    /// does. Refresh tokens are always signed with the secret, because no other program verifies
    /// them. Tokens that were signed with a secret before key pairs were configured stay valid.
    #[must_use]
    pub fn new(ring: &KeyRing, key_pairs: &[KeyPair], issuer: &str, audience: &str) -> Self {
        let public = key_pairs.iter().map(|pair| VerifyingKey {
            id: pair.id().to_owned(),
            algorithm: Algorithm::EdDSA,
            key: pair.decoding_key(),
        });
        let secret = ring.secrets().map(|secret| VerifyingKey {
            id: secret_id(secret),
            algorithm: Algorithm::HS256,
            key: DecodingKey::from_secret(secret),
        });
        let keys = public.chain(secret).collect();
        let by_secret = || {
            let secret = ring.secrets().next().unwrap_or_default();
            SigningKey::new(Algorithm::HS256, secret_id(secret), EncodingKey::from_secret(secret))
        };
        let by_pair =
            |pair: &KeyPair| SigningKey::new(Algorithm::EdDSA, pair.id().to_owned(), pair.encoding_key());
        let access = key_pairs.first().map_or_else(by_secret, by_pair);
        Self { access, refresh: by_secret(), keys, issuer: issuer.to_owned(), audience: audience.to_owned() }
    }

    /// Verifies the signature of `token` and returns its payload, which is not parsed before.
    fn payload(&self, token: &str) -> Result<Vec<u8>, AuthFailure> {
        let segments = Segments::parse(token)?;
        let matches = |key: &&VerifyingKey| {
            format!("{:?}", key.algorithm) == segments.header.alg
                && segments.header.kid.as_ref().is_none_or(|kid| *kid == key.id)
        };
        for key in self.keys.iter().filter(matches) {
            let signed = crypto::verify(segments.signature, segments.message, &key.key, key.algorithm);
            if signed.map_err(|_| AuthFailure::Malformed)? {
                return segments.payload();
            }
        }
        Err(AuthFailure::NotTrusted)
    }

    fn check(&self, validity: &Validity<'_>, now: Stamp) -> Result<(), AuthFailure> {
        if validity.issuer != self.issuer || validity.audience != self.audience {
            return Err(AuthFailure::NotTrusted);
        }
        let latest = now.plus(LEEWAY);
        if validity.issued_at > latest || validity.not_before.is_some_and(|from| from > latest) {
            return Err(AuthFailure::NotTrusted);
        }
        if validity.expires_at.plus(LEEWAY) <= now { Err(AuthFailure::Expired) } else { Ok(()) }
    }
}

/// The `kid` of a secret.
fn secret_id(secret: &[u8]) -> String {
    key_ring::key_id(secret, "key id")
}

impl AccessTokens for JwtAccessTokens {
    fn issue(&self, grant: &Grant) -> AccessToken {
        AccessToken(self.access.sign(&Claims::new(grant, &self.issuer, &self.audience)))
    }

    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure> {
        let payload = self.payload(token)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| AuthFailure::Malformed)?;
        let (validity, verified) = claims.read()?;
        self.check(&validity, now).map(|()| verified)
    }

    fn issue_refresh(&self, grant: &RefreshGrant) -> RefreshSecret {
        RefreshSecret(self.refresh.sign(&RefreshClaims::new(grant, &self.issuer, &self.audience)))
    }

    fn verify_refresh(&self, token: &str, now: Stamp) -> Result<(), AuthFailure> {
        let payload = self.payload(token)?;
        let claims: RefreshClaims = serde_json::from_slice(&payload).map_err(|_| AuthFailure::Malformed)?;
        self.check(&claims.read()?, now)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use domain::session::Scope;
    use domain::user::Email;
    use domain::{SessionId, TokenId, UserId};
    use uuid::Uuid;

    use super::*;

    const NOW: Stamp = Stamp::EPOCH;

    fn tokens(secrets: &str) -> JwtAccessTokens {
        let ring = KeyRing::parse(&secrets.into()).expect("valid");
        JwtAccessTokens::new(&ring, &[], "issuer", "audience")
    }

    fn grant() -> Grant {
        Grant {
            token: TokenId(Uuid::from_u128(1)),
            user: UserId(Uuid::from_u128(2)),
            email: Email::parse("ann@example.com").ok(),
            session: SessionId(Uuid::from_u128(3)),
            issued_at: NOW,
            expires_at: NOW.plus(Duration::from_mins(15)),
        }
    }

    #[test]
    fn a_token_carries_what_was_granted() {
        let tokens = tokens("one");
        let verified = tokens.verify(&tokens.issue(&grant()).0, NOW).expect("good");
        assert_eq!(verified.user, grant().user);
        assert_eq!(verified.subject, grant().user.to_string());
        assert_eq!(verified.session, grant().session);
        assert_eq!(verified.token, grant().token);
        assert_eq!(verified.expires_at, grant().expires_at);
        assert_eq!(verified.scopes, Scope::ALL);
    }

    #[test]
    fn the_wire_form_has_the_documented_claims() {
        let token = tokens("one").issue(&grant()).0;
        let segments: Vec<_> = token.split('.').collect();
        let read = |segment: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).expect("base64url")).expect("JSON")
        };
        let kid = secret_id(b"one");
        assert_eq!(read(segments[0]), serde_json::json!({"typ": "JWT", "alg": "HS256", "kid": kid}));
        let expected = serde_json::json!({
            "sub": "00000000-0000-0000-0000-000000000002", "email": "ann@example.com",
            "iat": 0, "exp": 900, "jti": "00000000-0000-0000-0000-000000000001",
            "sid": "00000000-0000-0000-0000-000000000003", "scope": "todos:read todos:write account",
            "type": "access", "iss": "issuer", "aud": "audience",
        });
        assert_eq!(read(segments[1]), expected);
    }

    #[test]
    fn a_token_expires_half_a_minute_after_its_exp_and_not_before() {
        let tokens = tokens("one");
        let token = tokens.issue(&grant()).0;
        let end = grant().expires_at.plus(LEEWAY);
        assert!(tokens.verify(&token, Stamp::from_micros(end.as_micros() - 1).expect("in range")).is_ok());
        assert_eq!(tokens.verify(&token, end), Err(AuthFailure::Expired));
    }

    #[test]
    fn a_clock_may_be_half_a_minute_behind_and_not_more() {
        let tokens = tokens("one");
        let token = tokens.issue(&grant()).0;
        assert!(tokens.verify(&token, NOW.minus(LEEWAY)).is_ok());
        assert_eq!(tokens.verify(&token, NOW.minus(LEEWAY + LEEWAY)), Err(AuthFailure::NotTrusted));
    }

    #[test]
    fn while_secrets_rotate_the_first_signs_and_all_verify() {
        let (old, both, new) = (tokens("old"), tokens("new,old"), tokens("new"));
        let before = old.issue(&grant()).0;
        let after = both.issue(&grant()).0;
        assert!(both.verify(&before, NOW).is_ok());
        assert!(new.verify(&after, NOW).is_ok());
        assert_eq!(new.verify(&before, NOW), Err(AuthFailure::NotTrusted));
        assert_eq!(old.verify(&after, NOW), Err(AuthFailure::NotTrusted));
    }

    #[test]
    fn a_refresh_token_is_no_access_token_and_an_access_token_does_not_refresh() {
        let tokens = tokens("one");
        let Grant { token, user, session, issued_at, expires_at, .. } = grant();
        let refresh = tokens.issue_refresh(&RefreshGrant { token, user, session, issued_at, expires_at }).0;
        assert_eq!(tokens.verify_refresh(&refresh, NOW), Ok(()));
        assert_eq!(tokens.verify(&refresh, NOW), Err(AuthFailure::Malformed));
        let access = tokens.issue(&grant()).0;
        assert_eq!(tokens.verify_refresh(&access, NOW), Err(AuthFailure::Malformed));
    }

    #[test]
    fn a_key_pair_signs_instead_of_the_secret_and_the_secret_still_verifies() {
        let ring = KeyRing::parse(&"one".into()).expect("valid");
        let key_pairs = [KeyPair::generate(), KeyPair::generate()];
        let with_key_pairs = JwtAccessTokens::new(&ring, &key_pairs, "issuer", "audience");
        let rotated = JwtAccessTokens::new(&ring, &key_pairs[1..], "issuer", "audience");
        let (signed, before) = (with_key_pairs.issue(&grant()).0, tokens("one").issue(&grant()).0);
        assert!(with_key_pairs.verify(&signed, NOW).is_ok() && with_key_pairs.verify(&before, NOW).is_ok());
        assert_eq!(rotated.verify(&signed, NOW), Err(AuthFailure::NotTrusted));
        assert!(with_key_pairs.verify(&rotated.issue(&grant()).0, NOW).is_ok());
        assert_eq!(tokens("one").verify(&signed, NOW), Err(AuthFailure::NotTrusted));
    }

    #[test]
    fn refresh_tokens_are_always_signed_with_the_secret() {
        let ring = KeyRing::parse(&"one".into()).expect("valid");
        let tokens = JwtAccessTokens::new(&ring, &[KeyPair::generate()], "issuer", "audience");
        let Grant { token, user, session, issued_at, expires_at, .. } = grant();
        let refresh = tokens.issue_refresh(&RefreshGrant { token, user, session, issued_at, expires_at }).0;
        assert_eq!(Segments::parse(&refresh).expect("a token").header.alg, "HS256");
        assert_eq!(tokens.verify_refresh(&refresh, NOW), Ok(()));
        assert_eq!(Segments::parse(&tokens.issue(&grant()).0).expect("a token").header.alg, "EdDSA");
    }

    #[test]
    fn an_account_without_an_email_gets_a_token_without_one() {
        let tokens = tokens("one");
        let token = tokens.issue(&Grant { email: None, ..grant() }).0;
        assert!(tokens.verify(&token, NOW).is_ok());
    }
}
