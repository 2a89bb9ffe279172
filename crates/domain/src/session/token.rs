//! Access tokens, refresh secrets and the ports that make and check them.

use std::fmt;

use crate::account::Email;
use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reading todos.
    TodosRead,
    /// Changing todos.
    TodosWrite,
    /// The account itself: password, sessions, profile.
    Account,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::TodosRead, Self::TodosWrite, Self::Account];

    /// The word that stands in a token's `scope` (RFC 8693 section 4.2).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TodosRead => "todos:read",
            Self::TodosWrite => "todos:write",
            Self::Account => "account",
        }
    }
}

/// What an access token is to say.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its own id.
    pub token: TokenId,
    /// The user.
    pub user: UserId,
    /// The user's address.
    pub email: Option<Email>,
    /// The session it belongs to.
    pub session: SessionId,
    /// When it is issued.
    pub issued_at: Stamp,
    /// When it expires.
    pub expires_at: Stamp,
}

/// A signed access token, in the form in which it goes over the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(pub String);

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// What a verified token of this server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The user.
    pub user: UserId,
    /// Its `sub`, as it stands.
    pub subject: String,
    /// The session it belongs to.
    pub session: SessionId,
    /// Its own id.
    pub token: TokenId,
    /// When it expires.
    pub expires_at: Stamp,
    /// What it allows.
    pub scopes: Vec<Scope>,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthFailure {
    /// No token, or one that can't be read: not a JWT, a claim missing, a refresh token.
    Malformed,
    /// Wrong signature, algorithm, issuer or audience.
    NotTrusted,
    /// Its time is over.
    Expired,
    /// It or its session was ended.
    Revoked,
    /// Its account is disabled or gone.
    Disabled,
    /// Whether it was ended can't be told: the list of revocations is too old.
    RevocationsUnknown,
}

/// What a refresh token in the form of a JWT is to say.
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    /// Its own id.
    pub token: TokenId,
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// When it is issued.
    pub issued_at: Stamp,
    /// When it expires.
    pub expires_at: Stamp,
}

/// Signs and checks tokens. The algorithm is fixed by the key, never by the token (RFC 8725 section 3.1).
pub trait AccessTokens: Send + Sync {
    /// Signs a token that says `grant`.
    fn issue(&self, grant: &Grant) -> AccessToken;

    /// Checks form, signature, type, issuer, audience and times, with 30 s of leeway; not whether it was revoked.
    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure>;

    /// Signs a refresh token in the form of a JWT, `type: "refresh"`.
    fn issue_refresh(&self, grant: &RefreshGrant) -> RefreshSecret;

    /// Checks a refresh token as [`AccessTokens::verify`] does an access token; whether it is stored and stands is asked of the
    /// store.
    fn verify_refresh(&self, token: &str, now: Stamp) -> Result<(), AuthFailure>;
}

/// The authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The subject as the token states it.
    pub subject: String,
    /// The session; a token of an external issuer has none.
    pub session: Option<SessionId>,
    /// The token's id; a token of an external issuer has none.
    pub token: Option<TokenId>,
    /// When the token expires.
    pub expires_at: Stamp,
    /// What it allows.
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
        let VerifiedToken { user, subject, session, token, expires_at, scopes } = verified;
        Self { user, subject, session: Some(session), token: Some(token), expires_at, scopes }
    }
}

/// A refresh token in clear: 256 bits, base64url without padding (RFC 4648 section 5).
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshSecret(pub String);

impl fmt::Debug for RefreshSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshSecret(…)")
    }
}

/// The SHA-256 of a secret: all that is stored of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// Its first and its last 128 bits, as big-endian numbers.
    #[must_use]
    pub fn halves(&self) -> [u128; 2] {
        let half = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
        let (high, low) = self.0.split_at(16);
        [half(high), half(low)]
    }
}

/// Derives refresh tokens: an HMAC under a server key of session and generation, so that whoever rotates a token, on
/// whatever instance, comes to the same successor.
pub trait RefreshSecrets: Send + Sync {
    /// The token of `generation` (0 is a session's first) under the current key.
    fn derive(&self, session: SessionId, generation: u32) -> RefreshSecret;

    /// The same under each key that is still accepted, the current one first.
    fn derive_all(&self, session: SessionId, generation: u32) -> Vec<RefreshSecret>;

    /// What is stored of a secret.
    fn hash(&self, secret: &str) -> TokenHash;
}
