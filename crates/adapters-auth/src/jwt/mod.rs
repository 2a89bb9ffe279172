//! Access tokens as JSON Web Tokens (RFC 7519), signed with EdDSA under a configured key pair,
//! or else with HMAC-SHA256 under the server's secret.

mod claims;
#[cfg(test)]
mod hostile;
mod parts;

use std::time::Duration;

use domain::Stamp;
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Grant, RefreshGrant, RefreshSecret, VerifiedToken,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto, encode};

pub(crate) use self::claims::date;
use self::claims::{Claims, RefreshClaims, Terms};
pub use self::parts::MAX_TOKEN_BYTES;
pub(crate) use self::parts::Parts;
use crate::keys::{KeyRing, derive};
use crate::pairs::KeyPair;
use serde::Serialize;

/// How far another machine's clock may be off.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// Signs and checks the server's own tokens. The first key of a kind signs, each checks what it signed.
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
            reason = "plain strings and numbers have a JSON form, and every key here signs"
        )]
        signed.expect("claims can be signed")
    }
}

struct VerifyingKey {
    id: String,
    /// Fixed by the key, whatever a token's header claims (RFC 8725 section 3.1).
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtAccessTokens {
    /// Tokens that say, and have to say, that they are by `issuer` for `audience`. Where `pairs` holds any, the first of them signs access
    /// tokens and all verify; the first secret of the ring signs them where there are none. Refresh tokens, which nobody else has to
    /// check, are under the secrets always, as is everything that was signed before there were pairs.
    #[must_use]
    pub fn new(ring: &KeyRing, pairs: &[KeyPair], issuer: &str, audience: &str) -> Self {
        let public = pairs.iter().map(|pair| VerifyingKey {
            id: pair.id().to_owned(),
            algorithm: Algorithm::EdDSA,
            key: pair.verifying(),
        });
        let secret = ring.secrets().map(|secret| VerifyingKey {
            id: key_id(secret),
            algorithm: Algorithm::HS256,
            key: DecodingKey::from_secret(secret),
        });
        let keys = public.chain(secret).collect();
        let by_secret = || {
            let secret = ring.secrets().next().unwrap_or_default();
            SigningKey::new(Algorithm::HS256, key_id(secret), EncodingKey::from_secret(secret))
        };
        let by_pair =
            |pair: &KeyPair| SigningKey::new(Algorithm::EdDSA, pair.id().to_owned(), pair.signing());
        let access = pairs.first().map_or_else(by_secret, by_pair);
        Self { access, refresh: by_secret(), keys, issuer: issuer.to_owned(), audience: audience.to_owned() }
    }

    /// The claims of `token`, once its signature is known to be right; nothing in them was looked at before.
    fn payload(&self, token: &str) -> Result<Vec<u8>, AuthFailure> {
        let parts = Parts::read(token)?;
        let named = |key: &&VerifyingKey| {
            format!("{:?}", key.algorithm) == parts.header.alg
                && parts.header.kid.as_ref().is_none_or(|kid| *kid == key.id)
        };
        for key in self.keys.iter().filter(named) {
            let signed = crypto::verify(parts.signature, parts.message, &key.key, key.algorithm);
            if signed.map_err(|_| AuthFailure::Malformed)? {
                return parts.payload();
            }
        }
        Err(AuthFailure::NotTrusted)
    }

    fn check(&self, terms: &Terms<'_>, now: Stamp) -> Result<(), AuthFailure> {
        if terms.issuer != self.issuer || terms.audience != self.audience {
            return Err(AuthFailure::NotTrusted);
        }
        let latest = now.plus(LEEWAY);
        if terms.issued_at > latest || terms.not_before.is_some_and(|from| from > latest) {
            return Err(AuthFailure::NotTrusted);
        }
        if terms.expires_at.plus(LEEWAY) <= now { Err(AuthFailure::Expired) } else { Ok(()) }
    }
}

/// Names a key without telling anything about it.
fn key_id(secret: &[u8]) -> String {
    format!("{:016x}", u64::from_be_bytes(derive(secret, "key id")))
}

impl AccessTokens for JwtAccessTokens {
    fn issue(&self, grant: &Grant) -> AccessToken {
        AccessToken(self.access.sign(&Claims::of(grant, &self.issuer, &self.audience)))
    }

    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure> {
        let payload = self.payload(token)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| AuthFailure::Malformed)?;
        let (terms, verified) = claims.read()?;
        self.check(&terms, now).map(|()| verified)
    }

    fn issue_refresh(&self, grant: &RefreshGrant) -> RefreshSecret {
        RefreshSecret(self.refresh.sign(&RefreshClaims::of(grant, &self.issuer, &self.audience)))
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
    use domain::account::Email;
    use domain::session::Scope;
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
    fn a_token_says_what_was_granted() {
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
        let parts: Vec<_> = token.split('.').collect();
        let read = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
        };
        let kid = key_id(b"one");
        assert_eq!(read(parts[0]), serde_json::json!({"typ": "JWT", "alg": "HS256", "kid": kid}));
        let expected = serde_json::json!({
            "sub": "00000000-0000-0000-0000-000000000002", "email": "ann@example.com",
            "iat": 0, "exp": 900, "jti": "00000000-0000-0000-0000-000000000001",
            "sid": "00000000-0000-0000-0000-000000000003", "scope": "todos:read todos:write account",
            "type": "access", "iss": "issuer", "aud": "audience",
        });
        assert_eq!(read(parts[1]), expected);
    }

    #[test]
    fn it_expires_half_a_minute_after_its_time_and_not_before() {
        let tokens = tokens("one");
        let token = tokens.issue(&grant()).0;
        let end = grant().expires_at.plus(LEEWAY);
        assert!(tokens.verify(&token, Stamp::from_micros(end.as_micros() - 1).expect("in range")).is_ok());
        assert_eq!(tokens.verify(&token, end), Err(AuthFailure::Expired));
    }

    #[test]
    fn a_clock_that_is_half_a_minute_behind_still_takes_it_and_no_more() {
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
    fn a_refresh_token_lets_nobody_in_and_an_access_token_refreshes_nothing() {
        let tokens = tokens("one");
        let Grant { token, user, session, issued_at, expires_at, .. } = grant();
        let refresh = tokens.issue_refresh(&RefreshGrant { token, user, session, issued_at, expires_at }).0;
        assert_eq!(tokens.verify_refresh(&refresh, NOW), Ok(()));
        assert_eq!(tokens.verify(&refresh, NOW), Err(AuthFailure::Malformed));
        let access = tokens.issue(&grant()).0;
        assert_eq!(tokens.verify_refresh(&access, NOW), Err(AuthFailure::Malformed));
    }

    #[test]
    fn a_key_pair_signs_in_place_of_the_secret_which_still_verifies() {
        let ring = KeyRing::parse(&"one".into()).expect("valid");
        let pairs = [KeyPair::generate(), KeyPair::generate()];
        let with_pairs = JwtAccessTokens::new(&ring, &pairs, "issuer", "audience");
        let rotated = JwtAccessTokens::new(&ring, &pairs[1..], "issuer", "audience");
        let (signed, before) = (with_pairs.issue(&grant()).0, tokens("one").issue(&grant()).0);
        assert!(with_pairs.verify(&signed, NOW).is_ok() && with_pairs.verify(&before, NOW).is_ok());
        assert_eq!(rotated.verify(&signed, NOW), Err(AuthFailure::NotTrusted));
        assert!(with_pairs.verify(&rotated.issue(&grant()).0, NOW).is_ok());
        assert_eq!(tokens("one").verify(&signed, NOW), Err(AuthFailure::NotTrusted));
    }

    #[test]
    fn refresh_tokens_are_under_the_secret_whatever_signs_access_tokens() {
        let ring = KeyRing::parse(&"one".into()).expect("valid");
        let tokens = JwtAccessTokens::new(&ring, &[KeyPair::generate()], "issuer", "audience");
        let Grant { token, user, session, issued_at, expires_at, .. } = grant();
        let refresh = tokens.issue_refresh(&RefreshGrant { token, user, session, issued_at, expires_at }).0;
        assert_eq!(Parts::read(&refresh).expect("a token").header.alg, "HS256");
        assert_eq!(tokens.verify_refresh(&refresh, NOW), Ok(()));
        assert_eq!(Parts::read(&tokens.issue(&grant()).0).expect("a token").header.alg, "EdDSA");
    }

    #[test]
    fn an_account_without_an_address_has_a_token_without_one() {
        let tokens = tokens("one");
        let token = tokens.issue(&Grant { email: None, ..grant() }).0;
        assert!(tokens.verify(&token, NOW).is_ok());
    }
}
