//! One-time tokens: a secret that proves one thing once.
//!
//! A secret is made of its token's id under a server key, so that a mail can be written into the outbox with the id alone,
//! and only a hash is kept beside it.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Email, PasswordReplacement, User};
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::mail::NewMail;
use crate::session::{Ending, NewSession, Revocation, TokenHash};
use crate::time::Stamp;

/// Names a one-time token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OneTimeId(pub Uuid);

/// What a one-time token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Showing that an address is the user's.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Logging in.
    MagicLink,
    /// Getting the tokens of an OAuth login.
    OAuthHandOff,
    /// Coming back from an OAuth provider.
    OAuthState,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] =
        [Self::VerifyEmail, Self::ResetPassword, Self::MagicLink, Self::OAuthHandOff, Self::OAuthState];

    /// The word that stores keep.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::MagicLink => "magic_link",
            Self::OAuthHandOff => "oauth_hand_off",
            Self::OAuthState => "oauth_state",
        }
    }

    /// The purpose that stores keep as `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }

    /// How long a token is good.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::from_hours(24),
            Self::ResetPassword => Duration::from_hours(1),
            Self::MagicLink => Duration::from_mins(15),
            Self::OAuthHandOff => Duration::from_mins(1),
            Self::OAuthState => Duration::from_mins(10),
        }
    }
}

/// A one-time token to be stored.
#[derive(Clone, Debug)]
pub struct NewOneTime {
    /// Its id.
    pub id: OneTimeId,
    /// What it is good for.
    pub purpose: Purpose,
    /// The hash of its secret.
    pub hash: TokenHash,
    /// Whose it is, where that is known.
    pub user: Option<UserId>,
    /// What it carries: the address that it proves, or the state of an OAuth flow.
    pub payload: String,
    /// Until when it is good.
    pub expires_at: Stamp,
}

/// A token and the mail that carries it, written together.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The token.
    pub token: NewOneTime,
    /// The mail; none where there is nobody to write to, and only the time of writing is to be the same.
    pub mail: Option<NewMail>,
}

/// What a consumed token carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Whose it was.
    pub user: Option<UserId>,
    /// What it carried.
    pub payload: String,
}

/// What became of a magic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MagicLogIn {
    /// The session is open, and these ended to make room for it.
    Done(Box<User>, Vec<Revocation>),
    /// The token is unknown, used or expired.
    Invalid,
    /// The account is disabled.
    Disabled,
}

/// What became of a new address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailChange {
    /// It is set, unverified.
    Done(Box<User>),
    /// It belongs to another account; nothing was written.
    Taken,
    /// There is no such user.
    NoSuchUser,
    /// The session that asks has ended meanwhile; nothing was written.
    SessionEnded,
}

/// Keeps one-time tokens and does what they prove. Each method is one transaction, and consumes by one conditional update: of two that
/// present one token at once exactly one MUST succeed. A token is good while it is unused and `now` is before its end. Nothing is stored
/// for a user who is gone.
///
/// # Taking over
///
/// Whoever uses a magic link or a reset has read the address's mail. Where the account had never shown that (the address it has now was not
/// verified), somebody else may have registered it and waited, so every way in from before goes in the same transaction: the password, every
/// session, every identity of a provider or issuer, and every unused token (a login that waits to be exchanged, a link that was begun).
/// Identities go whenever they were linked and whatever address they vouch for: one of the owner's own finds the account again by its
/// verified address. Todos and the name stay: whose they are can't be told.
///
/// A verification mail is no such proof: it confirms what was registered, by whoever did, and says so.
#[async_trait]
pub trait OneTimeStore: Send + Sync {
    /// Stores a token with its mail. An older unused token of the same purpose and user is void from then on.
    async fn send(&self, proof: Proof, now: Stamp) -> Result<(), StoreError>;

    /// Stores a token that no mail carries.
    async fn put(&self, token: NewOneTime) -> Result<(), StoreError>;

    /// Consumes a token; `None` where it is not good.
    async fn consume(
        &self,
        purpose: Purpose,
        hash: &TokenHash,
        now: Stamp,
    ) -> Result<Option<Consumed>, StoreError>;

    /// Consumes a verification and marks the address as verified; `None` where the token is not good or the user has
    /// another address by now.
    async fn verify_email(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError>;

    /// The user whose password a token would reset, without consuming it; `None` where it is not good or the user has another
    /// address by now: whoever reads the old one's mail must not get in.
    async fn resettable(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError>;

    /// Consumes a reset, sets the password, marks the address as verified (the token came to it), ends every session and voids every
    /// unused token of the user; the notice is written with it. Where the address was not verified before, its owner [takes over](OneTimeStore#taking-over). `None` as
    /// for [`OneTimeStore::resettable`].
    async fn reset_password(
        &self,
        hash: &TokenHash,
        new: PasswordReplacement,
    ) -> Result<Option<Vec<Revocation>>, StoreError>;

    /// Consumes a magic link, whose payload is the address: makes the account as `new_user` where there is none, marks the address as
    /// verified, and opens the session as [`SessionStore::open`](crate::session::SessionStore::open) does. Where the address was not
    /// verified before, its owner [takes over](OneTimeStore#taking-over). A mail that was written before there was the account is the
    /// account's from then on.
    async fn magic_log_in(
        &self,
        hash: &TokenHash,
        new_user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<MagicLogIn, StoreError>;

    /// Gives the user another address, unverified, and writes the mails to both. `session`, where given, MUST be one that the user could still
    /// refresh: one that ends at the same time, because the address's owner takes over, changes nothing after its end.
    async fn change_email(
        &self,
        user: UserId,
        session: Option<SessionId>,
        email: Email,
        proof: Proof,
        notice: Option<NewMail>,
        now: Stamp,
    ) -> Result<EmailChange, StoreError>;
}

/// Makes the secrets of one-time tokens of their ids, under the server's keys.
pub trait OneTimeSecrets: Send + Sync {
    /// The secret under the current key: unguessable for whoever knows the id alone, and fit to stand in a URL.
    fn derive(&self, id: OneTimeId) -> String;

    /// What is stored of a secret. It MUST be the same under whichever of the server's keys the secret was derived, as a mail may
    /// wait in the outbox while keys rotate.
    fn hash(&self, secret: &str) -> TokenHash;
}
