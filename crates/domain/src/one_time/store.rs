//! The port to the store of one-time tokens.

use async_trait::async_trait;

use super::{ConsumedToken, EmailToken, NewOneTimeToken, Purpose};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::mail::NewMail;
use crate::session::{Ending, NewSession, OpenedSession, Revocation, TokenHash};
use crate::time::Stamp;
use crate::user::{PasswordHash, User};

/// A new password, and the data written with it.
#[derive(Clone, Debug)]
pub struct PasswordReplacement {
    pub password: PasswordHash,
    /// How the user's sessions end.
    pub ending: Ending,
    /// The notice to the user; `None` if the address is not verified.
    pub notice: Option<NewMail>,
    /// Whether to remove every identity of the user at a provider or issuer.
    pub unlink: bool,
}

/// The outcome of using a magic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MagicLinkLogin {
    Done(OpenedSession),
    /// The token is unknown, used or expired.
    Invalid,
    /// The account is disabled.
    Disabled,
}

/// Stores one-time tokens, and performs what they authorise.
///
/// Each method is one transaction and consumes a token by one conditional update: if two calls
/// present one token at once, exactly one MUST succeed. A token is valid while it is unused and
/// `now` is before its expiry. Nothing is stored for a user who was deleted.
///
/// # Taking over
///
/// A user who presents a magic link or a reset token has read the email sent to the account's
/// address. If the address was not verified before, another person may have registered it and
/// waited. The same transaction therefore removes every earlier way in: the password, every
/// session, every identity of a provider or issuer, and every unused token (a login that waits to
/// be exchanged, a link that was started). It removes identities regardless of when they were
/// linked and of their addresses; an identity of the address's owner joins the account again by the
/// verified address. It removes the name too, which may be words of that person. Todos stay,
/// because their owner can't be determined.
///
/// A verification email does not take over the account: it confirms the registration, and its text
/// says so.
#[async_trait]
pub trait OneTimeStore: Send + Sync {
    /// Stores a token with its email, and voids older unused tokens of the same purpose and user.
    async fn send(&self, token: EmailToken, now: Stamp) -> Result<(), StoreError>;

    /// Stores a token that no email carries.
    async fn put(&self, token: NewOneTimeToken) -> Result<(), StoreError>;

    /// Consumes a token. `None` if it is not valid.
    async fn consume(
        &self,
        purpose: Purpose,
        hash: &TokenHash,
        now: Stamp,
    ) -> Result<Option<ConsumedToken>, StoreError>;

    /// Consumes a verification and marks the address as verified. `None` if the token is not valid
    /// or the user's address has changed.
    async fn verify_email(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError>;

    /// The user whose password a token would reset; does not consume the token. `None` if the token
    /// is not valid or the user's address has changed, because readers of the old address must not
    /// gain access.
    async fn resettable(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError>;

    /// Consumes a reset, sets the password and the time of the reset, marks the address as
    /// verified, ends every session, voids every unused token of the user, and queues the notice.
    /// Removes the user's identities if asked to. If the address was not verified before, its owner
    /// [takes over](OneTimeStore#taking-over). `None` as for [`OneTimeStore::resettable`].
    async fn reset_password(
        &self,
        hash: &TokenHash,
        new: PasswordReplacement,
    ) -> Result<Option<Vec<Revocation>>, StoreError>;

    /// Consumes a magic link, whose payload is the address. If there is no account, creates it as
    /// `new_user`; without a `new_user` the token is not valid. Marks the address as verified, and
    /// opens the session as [`SessionStore::open`](crate::session::SessionStore::open) does. If the
    /// address was not verified before, its owner [takes over](OneTimeStore#taking-over). A token
    /// and mail that were stored before the account existed belong to the account from then on.
    async fn use_magic_link(
        &self,
        hash: &TokenHash,
        new_user: Option<UserId>,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<MagicLinkLogin, StoreError>;
}
