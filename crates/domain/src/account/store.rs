//! The port to the store of users.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::mail::{NewMail, Notice, Template};
use crate::one_time::{EmailToken, PasswordReplacement, Purpose};
use crate::session::{Ending, NewSession, Revocation, Session, TokenHash};
use crate::time::Stamp;
use crate::user::{DisplayName, Email, PasswordHash, User};

/// An account with a password, to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: UserId,
    /// The address, which is not verified.
    pub email: Email,
    pub password: PasswordHash,
    pub display_name: Option<DisplayName>,
    /// The email that asks the user to verify the address.
    pub verification: Option<EmailToken>,
    /// The hash of the invitation that the registration needs and uses up.
    pub invitation: Option<TokenHash>,
}

/// Everything stored about a user except the todos.
#[derive(Clone, Debug)]
pub struct AccountRecords {
    pub user: User,
    /// Stored sessions, including those that have ended.
    pub sessions: Vec<Session>,
    pub identities: Vec<IdentityRecord>,
    pub mails: Vec<MailRecord>,
    pub one_time_tokens: Vec<OneTimeTokenRecord>,
}

impl AccountRecords {
    /// The number of rows of each kind that are loaded: the newest, and of identities the first by
    /// provider. A user has fewer, but for sessions in databases of before ended ones were limited;
    /// it bounds the memory of an export.
    pub const MAX_OF_EACH: u32 = 1000;
}

/// An identity at a provider or issuer, as an export shows it.
#[derive(Clone, Debug)]
pub struct IdentityRecord {
    /// The name of the provider or issuer.
    pub provider: String,
    /// The user's id there.
    pub subject: String,
    /// The address that the provider or issuer reported.
    pub email: Option<String>,
    pub created_at: Stamp,
}

/// An email, as an export shows it.
#[derive(Clone, Debug)]
pub struct MailRecord {
    pub template: Template,
    pub to: String,
    pub sent_at: Option<Stamp>,
}

/// A one-time token, as an export shows it. The secret is not stored; the payload may contain
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTimeTokenRecord {
    pub purpose: Purpose,
    pub expires_at: Stamp,
    /// Whether the token was used, or replaced by another one.
    pub used: bool,
}

/// The outcome of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    Done(Box<User>),
    /// The address belongs to an account; nothing was written.
    EmailTaken,
    /// The invitation is not valid, or was made for another address; nothing was written.
    NotInvited,
}

/// A change of a user's name or address, or both.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// `None` keeps the name, `Some(None)` clears it.
    pub display_name: Option<Option<DisplayName>>,
    pub email: Option<EmailChange>,
}

/// A new address, and the data written with it.
#[derive(Clone, Debug)]
pub struct EmailChange {
    pub email: Email,
    /// The caller's session, which MUST still be live. A change MUST NOT take effect after the end
    /// of its session, for instance when the address's owner takes over.
    pub session: Option<SessionId>,
    /// The email that asks the user to verify the new address.
    pub verification: EmailToken,
    /// The email that notifies the old address.
    pub notice: Option<NewMail>,
}

/// The outcome of a change of the profile. If it is not `Done`, nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileChanged {
    Done(Box<User>),
    /// The address belongs to another account.
    EmailTaken,
    NoSuchUser,
    /// The caller's session has ended in the meantime.
    SessionEnded,
}

/// The outcome of setting a new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSet {
    /// The password is set, and these sessions have ended.
    Done(Vec<Revocation>),
    /// The password is no longer the one that was verified, or the user was deleted; nothing was
    /// written.
    Changed,
    /// The caller's session has ended in the meantime; nothing was written.
    SessionEnded,
}

/// Which session survives a change of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepSession {
    /// The caller's.
    Own,
    None,
}

/// Stores users. Each method is one transaction.
///
/// A method that takes the caller's `session` MUST check, in its transaction, that it is a
/// [live](crate::session::SessionStore::live) session of the user and that the account is enabled, and
/// write nothing otherwise. Whoever ends the session or disables the account MUST NOT be answered
/// before such a transaction has either written or been refused: seconds may lie between a proof of
/// identity and the write. Without a session, nothing is checked.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Creates the account at `now`, with `session`, if given, as its first session. If several
    /// calls register one address at once, exactly one MUST succeed. The user's clock starts at
    /// `now`. A caller without a valid invitation MUST NOT learn whether an address is taken.
    async fn register(
        &self,
        user: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError>;

    /// Whether [`Self::register`] would accept the invitation for this address.
    async fn is_invited(&self, invitation: &TokenHash, email: &Email, now: Stamp)
    -> Result<bool, StoreError>;

    /// The user with this address; see [`Email`] for which addresses are equal.
    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError>;

    /// The user with this id.
    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// Sets the name and the address, all or nothing. A new address is not verified; its emails are
    /// queued with it.
    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        now: Stamp,
    ) -> Result<ProfileChanged, StoreError>;

    /// Replaces the password if it still is `old`, and ends every session that was not ended
    /// before, expired or not, except the caller's `session` if `keep` says so. Voids every unused
    /// one-time token of the user except verifications, because the others could bypass the new
    /// password. Queues the notice.
    async fn set_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordReplacement,
        session: Option<SessionId>,
        keep: KeepSession,
    ) -> Result<PasswordSet, StoreError>;

    /// Deletes the user, stores one revocation that ends all of the user's tokens, and queues the
    /// notice to the address that the account had. `None` if the user does not exist, or if
    /// `session` is given and is not a live session of the user.
    ///
    /// From then on, the user MUST NOT exist for any other method of any port, and the address MUST
    /// be free. An implementation may leave rows to [`Self::delete_remains`], so that the deletion of
    /// a full account delays no other request; but no queued email of the user may remain.
    async fn delete(
        &self,
        user: UserId,
        session: Option<SessionId>,
        notice: Notice,
        ending: Ending,
    ) -> Result<Option<Vec<Revocation>>, StoreError>;

    /// Deletes up to `limit` remaining rows of a deleted user. Returns how many; 0 means that no
    /// deleted user is left.
    async fn delete_remains(&self, limit: u32) -> Result<u64, StoreError>;

    /// Everything stored about the user except the todos, of each kind the newest
    /// [`AccountRecords::MAX_OF_EACH`] rows, in one snapshot. `None` if the user does
    /// not exist.
    async fn records(&self, user: UserId) -> Result<Option<AccountRecords>, StoreError>;

    /// The users in the order of their ids, `limit` at most, after the user `after`. For operators: a
    /// store that restricts reads to named users MUST NOT be asked.
    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Enables or disables the account. While it is disabled, none of its tokens is accepted; its
    /// sessions stay. Returns whether the user exists.
    async fn set_active(&self, user: UserId, active: bool, now: Stamp) -> Result<bool, StoreError>;

    /// Marks the address `email` of the user as verified, on the word of an operator. Returns whether
    /// the user has this address.
    async fn mark_verified(&self, user: UserId, email: &Email, now: Stamp) -> Result<bool, StoreError>;

    /// Replaces the hash `old` with another hash of the same password. Does nothing if the stored
    /// hash is no longer `old`.
    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError>;
}
