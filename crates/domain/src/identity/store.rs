//! The port to the store of identities.

use async_trait::async_trait;

use super::{ExternalToken, ProviderIdentity};
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::mail::Notice;
use crate::time::Stamp;
use crate::user::User;

/// The outcome of resolving an identity to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    Done(Box<User>),
    /// See [`Join::NeedsLink`](super::Join::NeedsLink).
    NeedsLink,
    /// The account is disabled.
    Disabled,
    /// There is no account, and none may be created.
    Unknown,
}

/// The outcome of linking an identity to a user who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The identity is linked, by this call or an earlier one.
    Done,
    BelongsToAnother,
    /// The user has another identity at this provider, which must be unlinked first.
    AnotherIsLinked,
    NoSuchUser,
    /// The caller's session has ended in the meantime; nothing was written.
    SessionEnded,
}

/// The outcome of unlinking a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    Done,
    /// The user has no identity at this provider.
    NotLinked,
    /// No other way to log in that the server offers remains.
    LastWayIn,
    /// The caller's session has ended in the meantime; nothing was written.
    SessionEnded,
}

/// The ways to log in that the server offers and that an account keeps on its own. A link in an email
/// is not one of them: it depends on the mailbox.
#[derive(Clone, Debug)]
pub struct LoginWays {
    /// Whether a password logs in.
    pub password: bool,
    /// The names of the configured providers and issuers.
    pub providers: Vec<String>,
}

impl LoginWays {
    /// Whether the user, who has identities at the `linked` providers, can log in without those at
    /// `provider`.
    #[must_use]
    pub fn remain(&self, user: &User, linked: &[String], provider: &str) -> bool {
        let others = || linked.iter().filter(|other| *other != provider);
        (self.password && user.password.is_some()) || others().any(|other| self.providers.contains(other))
    }
}

/// Stores identities. Each method is one transaction. If several calls present the same new
/// identity or address at once, exactly one MUST create a user, and the others MUST find that user.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Returns the user of an external issuer's subject. The first call for a subject creates the
    /// user with the id `new_user`, the token's name and no address. The token's address is stored
    /// with the identity only, because this server has not verified it. As the account's address,
    /// it would prevent its owner from registering, or let the owner log in to this account by
    /// email.
    async fn find_or_create_external(
        &self,
        token: &ExternalToken,
        new_user: UserId,
        now: Stamp,
    ) -> Result<UserId, StoreError>;

    /// Loads under a lock the facts that [`join`](super::join) needs, and carries out its decision.
    /// [`Join::Create`](super::Join::Create) creates the user `new_user`, if there is one;
    /// [`Join::Link`](super::Join::Link) queues the notice. Replaces the provider's tokens. Other
    /// identities of the user at the same provider stay.
    async fn resolve(
        &self,
        identity: ProviderIdentity,
        new_user: Option<UserId>,
        notice: Notice,
        now: Stamp,
    ) -> Result<Resolved, StoreError>;

    /// Links the identity to the user and queues the notice, unless the user has another identity
    /// at the same provider. `session` is the caller's: see
    /// [`AccountStore`](crate::account::AccountStore). A repeat changes nothing but the
    /// provider's tokens.
    async fn link(
        &self,
        user: UserId,
        session: Option<SessionId>,
        identity: ProviderIdentity,
        notice: Notice,
        now: Stamp,
    ) -> Result<Linked, StoreError>;

    /// Removes the user's identities at the provider and queues the notice, unless none of `ways`
    /// [would remain](LoginWays::remain). `session` is the caller's, as for [`Self::link`].
    async fn unlink(
        &self,
        user: UserId,
        session: Option<SessionId>,
        provider: &str,
        ways: LoginWays,
        notice: Notice,
        now: Stamp,
    ) -> Result<Unlinked, StoreError>;

    /// Returns the distinct providers and issuers of the user's identities, sorted.
    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError>;
}
