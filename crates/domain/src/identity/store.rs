//! The port to where identities are kept.

use async_trait::async_trait;

use super::{ExternalToken, ProviderIdentity};
use crate::account::User;
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::time::Stamp;

/// To whom an identity was joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// To this user.
    Done(Box<User>),
    /// To nobody, see [`Join::NeedsLink`](super::Join::NeedsLink).
    NeedsLink,
    /// The account is disabled.
    Disabled,
}

/// What became of a link made from a logged-in session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The user has it, or had it already.
    Done,
    /// It belongs to another user.
    BelongsToAnother,
    /// There is no such user.
    NoSuchUser,
    /// The session that asks has ended meanwhile; nothing was written.
    SessionEnded,
}

/// What became of an unlinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// The user has it no more.
    Done,
    /// The user never had it.
    NotLinked,
    /// It is the user's last way to log in: no password and no other identity.
    LastWayIn,
}

/// Keeps identities. Each method is one transaction; of any number at once about one new identity or address exactly one MUST
/// make a user, and the others find it.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// The user of an external issuer's subject, made as `new_user` at first sight: with the token's name, and without an address. The
    /// token's is kept with the identity alone: nobody here saw that it is theirs, and as an account's it would keep its owner from
    /// registering, or let them into this account by a mail to it.
    async fn of_external(
        &self,
        token: &ExternalToken,
        new_user: UserId,
        now: Stamp,
    ) -> Result<UserId, StoreError>;

    /// Locks and loads what [`join`](super::join) asks for, and does what it says, as `new_user` where it says to create; the
    /// provider's tokens are replaced. Another identity that the user has at the same provider stays.
    async fn resolve(
        &self,
        identity: ProviderIdentity,
        new_user: UserId,
        now: Stamp,
    ) -> Result<Resolved, StoreError>;

    /// Gives the identity to the user. The one they had at the same provider, if another, goes. `session`, where given, MUST be one that the
    /// user could still refresh: one that ends at the same time links nothing after its end.
    async fn link(
        &self,
        user: UserId,
        session: Option<SessionId>,
        identity: ProviderIdentity,
        now: Stamp,
    ) -> Result<Linked, StoreError>;

    /// Takes the provider's identity from the user.
    async fn unlink(&self, user: UserId, provider: &str) -> Result<Unlinked, StoreError>;

    /// The providers and issuers that know the user, sorted.
    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError>;
}
