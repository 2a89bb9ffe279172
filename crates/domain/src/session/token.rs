//! Access and refresh tokens, and the ports that make and check them.

use std::fmt;

use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;
use crate::user::Email;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    TodosRead,
    TodosWrite,
    /// The account itself: password, sessions and profile.
    Account,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::TodosRead, Self::TodosWrite, Self::Account];

    /// The scope as a token's `scope` claim names it (RFC 8693 section 4.2).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TodosRead => "todos:read",
            Self::TodosWrite => "todos:write",
            Self::Account => "account",
        }
    }
}

/// The claims of an access token to be issued.
#[derive(Clone, Debug)]
pub struct Grant {
    pub token: TokenId,
    pub user: UserId,
    pub email: Option<Email>,
    pub session: SessionId,
    pub issued_at: Stamp,
    pub expires_at: Stamp,
}

/// A signed access token in its encoded form.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(pub String);

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// The claims of a verified access token of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    pub user: UserId,
    /// The `sub` claim, unparsed.
    pub subject: String,
    pub session: SessionId,
    pub token: TokenId,
    pub expires_at: Stamp,
    pub scopes: Vec<Scope>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthFailure {
    /// The token can't be read: it is not a JWT, lacks a claim, or is a refresh token.
    Malformed,
    /// The signature, algorithm, issuer or audience is wrong.
    NotTrusted,
    Expired,
    /// The session has ended.
    Revoked,
    /// The account is disabled or deleted.
    Disabled,
    /// The list of revocations is too old to determine whether the session has ended.
    RevocationsUnknown,
    /// The keys of the token's issuer could not be fetched yet, so its signature can't be checked.
    KeysUnknown,
}

/// The claims of a refresh token in JWT form to be issued.
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    pub token: TokenId,
    pub user: UserId,
    pub session: SessionId,
    pub issued_at: Stamp,
    pub expires_at: Stamp,
}

/// Signs and checks tokens. The key determines the algorithm, never the token (RFC 8725 section 3.1).
pub trait AccessTokens: Send + Sync {
    /// Signs an access token.
    fn issue(&self, grant: &Grant) -> AccessToken;

    /// Checks the form, signature, type, issuer, audience and, with 30 s of leeway, times of an access
    /// token. Does not check whether it was revoked.
    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure>;

    /// Signs a refresh token in JWT form, with `type: "refresh"`.
    fn issue_refresh(&self, grant: &RefreshGrant) -> RefreshSecret;

    /// Checks a refresh token as [`AccessTokens::verify`] checks an access token. Only the store knows
    /// whether it is still valid.
    fn verify_refresh(&self, token: &str, now: Stamp) -> Result<(), AuthFailure>;
}

/// The authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub user: UserId,
    /// The `sub` claim of the token, unparsed.
    pub subject: String,
    /// `None` for a token of an external issuer.
    pub session: Option<SessionId>,
    pub expires_at: Stamp,
    pub scopes: Vec<Scope>,
}

impl Principal {
    /// Whether the token allows `scope`.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl From<VerifiedToken> for Principal {
    fn from(verified: VerifiedToken) -> Self {
        let VerifiedToken { user, subject, session, expires_at, scopes, .. } = verified;
        Self { user, subject, session: Some(session), expires_at, scopes }
    }
}

/// A refresh token in plain text: 256 bits in base64url without padding (RFC 4648 section 5), which
/// clients get with their [`Location`](super::Location), or a JWT.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshSecret(pub String);

impl fmt::Debug for RefreshSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshSecret(…)")
    }
}

/// The SHA-256 of a secret. Stores keep this and not the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The first and the last 128 bits, as big-endian numbers.
    #[must_use]
    pub fn halves(&self) -> [u128; 2] {
        let half = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
        let (high, low) = self.0.split_at(16);
        [half(high), half(low)]
    }
}

/// Derives refresh tokens: an HMAC of session and generation under a server key, so that every instance
/// that rotates a token derives the same successor.
pub trait RefreshSecrets: Send + Sync {
    /// Derives the token of `generation` under the current key; a session's first token has generation 0.
    fn derive(&self, session: SessionId, generation: u32) -> RefreshSecret;

    /// Finds the token of `generation` that has this hash, under any of the keys that are accepted. An
    /// implementation with more than one key MUST override this.
    fn recover(&self, session: SessionId, generation: u32, hash: &TokenHash) -> Option<RefreshSecret> {
        Some(self.derive(session, generation)).filter(|secret| self.hash(&secret.0) == *hash)
    }

    /// The hash under which a secret is stored.
    fn hash(&self, secret: &str) -> TokenHash;
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", AccessToken("secret".to_owned())), "AccessToken(…)");
        assert_eq!(format!("{:?}", RefreshSecret("secret".to_owned())), "RefreshSecret(…)");
    }

    /// One key: the hash of a secret is its generation.
    struct OneKey;

    impl RefreshSecrets for OneKey {
        fn derive(&self, _: SessionId, generation: u32) -> RefreshSecret {
            RefreshSecret(generation.to_string())
        }

        fn hash(&self, secret: &str) -> TokenHash {
            TokenHash([secret.parse().expect("a small generation"); 32])
        }
    }

    #[test]
    fn with_one_key_the_secret_of_a_generation_is_recovered_by_its_own_hash_alone() {
        let session = SessionId(Uuid::nil());
        let recovered = |hash| OneKey.recover(session, 7, &TokenHash([hash; 32]));
        assert_eq!(recovered(7), Some(RefreshSecret("7".to_owned())));
        assert_eq!(recovered(8), None);
    }
}
