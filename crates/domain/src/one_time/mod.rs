//! One-time tokens: a secret that authorises one thing once.
//!
//! A secret is derived from the token's id under a server key, so that an email in the outbox can
//! name its token by id alone. Only the hash of the secret is stored with the token.

mod store;

pub use store::{MagicLinkLogin, OneTimeStore, PasswordReplacement};

use std::time::Duration;

use crate::ids::{OneTimeTokenId, UserId};
use crate::mail::NewMail;
use crate::session::TokenHash;
use crate::time::Stamp;

/// What a one-time token authorises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    VerifyEmail,
    ResetPassword,
    MagicLink,
    /// Exchanging the code of an OAuth login for tokens.
    OAuthHandOff,
    /// Returning from an OAuth provider.
    OAuthState,
    /// Registering an address while registration is by invitation.
    Invitation,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::MagicLink,
        Self::OAuthHandOff,
        Self::OAuthState,
        Self::Invitation,
    ];

    /// The name of the purpose in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::MagicLink => "magic_link",
            Self::OAuthHandOff => "oauth_hand_off",
            Self::OAuthState => "oauth_state",
            Self::Invitation => "invitation",
        }
    }

    /// The purpose whose name in stores is `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }

    /// How long a token is valid.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::from_hours(24),
            Self::ResetPassword => Duration::from_hours(1),
            Self::MagicLink => Duration::from_mins(15),
            Self::OAuthHandOff => Duration::from_mins(1),
            Self::OAuthState => Duration::from_mins(10),
            Self::Invitation => Duration::from_hours(7 * 24),
        }
    }
}

/// A one-time token to be stored.
#[derive(Clone, Debug)]
pub struct NewOneTimeToken {
    pub id: OneTimeTokenId,
    pub purpose: Purpose,
    /// The hash of the secret.
    pub hash: TokenHash,
    /// The user that the token belongs to, if known.
    pub user: Option<UserId>,
    /// The address that the token was sent to, or the state of an OAuth flow.
    pub payload: String,
    pub expires_at: Stamp,
}

/// A one-time token and the email that carries it, written together.
#[derive(Clone, Debug)]
pub struct EmailToken {
    pub token: NewOneTimeToken,
    /// `None` if there is no account to write to. The token is then stored only so that the call
    /// takes the same time.
    pub mail: Option<NewMail>,
}

/// The content of a consumed token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumedToken {
    pub user: Option<UserId>,
    pub payload: String,
}

/// Derives the secrets of one-time tokens from their ids, under the server's keys.
pub trait OneTimeSecrets: Send + Sync {
    /// Derives the secret under the current key. It MUST be unguessable from the id alone, and made
    /// of characters that need no escape in a URL.
    fn derive(&self, id: OneTimeTokenId) -> String;

    /// The hash under which a secret is stored. It MUST NOT depend on the server's keys: an email
    /// may wait in the outbox while they change. The hash of a text that was not derived MUST be
    /// its SHA-256.
    fn hash(&self, secret: &str) -> TokenHash;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_lifetime() {
        const HOUR: u64 = 3600;
        for (purpose, seconds) in [
            (Purpose::VerifyEmail, 24 * HOUR),
            (Purpose::ResetPassword, HOUR),
            (Purpose::MagicLink, 15 * 60),
            (Purpose::OAuthHandOff, 60),
            (Purpose::OAuthState, 10 * 60),
            (Purpose::Invitation, 7 * 24 * HOUR),
        ] {
            assert_eq!(purpose.lifetime().as_secs(), seconds, "{purpose:?}");
            assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
        }
    }
}
