//! The port to where users are kept.

use async_trait::async_trait;

use super::{DisplayName, Email, PasswordHash, Proof, Purpose, User};
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::mail::{NewMail, Template};
use crate::session::{Ending, NewSession, Revocation, Session};
use crate::time::Stamp;

/// An account to be made, with a password.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Its address, unverified.
    pub email: Email,
    /// The hash of its password.
    pub password: PasswordHash,
    /// What its user is called.
    pub display_name: Option<DisplayName>,
    /// The mail that asks its user to verify the address.
    pub verification: Option<Proof>,
}

/// What is stored about a user besides the todos.
#[derive(Clone, Debug)]
pub struct AccountRecords {
    /// The account itself.
    pub user: User,
    /// Every session that is kept, ended ones too.
    pub sessions: Vec<Session>,
    /// The providers and issuers that know the user.
    pub identities: Vec<IdentityRecord>,
    /// The mails that are kept.
    pub mails: Vec<MailRecord>,
    /// The one-time tokens that are kept.
    pub one_time: Vec<OneTimeRecord>,
}

/// One identity, as its user may see it.
#[derive(Clone, Debug)]
pub struct IdentityRecord {
    /// The provider or issuer.
    pub provider: String,
    /// The user's id there.
    pub subject: String,
    /// The address it gave.
    pub email: Option<String>,
    /// Since when it is known.
    pub created_at: Stamp,
}

/// One mail, as its receiver may see it.
#[derive(Clone, Debug)]
pub struct MailRecord {
    /// Which.
    pub template: Template,
    /// To whom.
    pub to: String,
    /// When it was sent, if it was.
    pub sent_at: Option<Stamp>,
}

/// One one-time token, as its user may see it: its secret is not kept, and what came with it may hold another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTimeRecord {
    /// What it is good for.
    pub purpose: Purpose,
    /// Until when.
    pub expires_at: Stamp,
    /// Whether it was used, or replaced by another.
    pub used: bool,
}

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The account exists, with its first session where one was asked for.
    Done(Box<User>),
    /// The address belongs to an account already; nothing was written.
    EmailTaken,
}

/// A new password, and what is written with it.
#[derive(Clone, Debug)]
pub struct PasswordReplacement {
    /// Its hash.
    pub password: PasswordHash,
    /// Why and when sessions end.
    pub ending: Ending,
    /// The mail that tells the user; none where nobody has shown that the address is theirs.
    pub notice: Option<NewMail>,
}

/// What became of a new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSet {
    /// It is set; these sessions ended.
    Done(Vec<Revocation>),
    /// The password is not the one it was compared with any more, or the user is gone; nothing was written.
    Changed,
}

/// Keeps users. Each method is one transaction.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Makes the account at `now`, with `session` as its first where given. Of two at once with one address exactly one MUST succeed.
    /// The user's clock starts at `now`.
    async fn register(
        &self,
        user: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError>;

    /// The user with this address, whatever its case.
    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError>;

    /// The user.
    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// Sets what the user is called; `None` without such a user.
    async fn rename(
        &self,
        user: UserId,
        name: Option<DisplayName>,
        now: Stamp,
    ) -> Result<Option<User>, StoreError>;

    /// Replaces the password, provided that it still is `old`, and ends every session that has not ended, expired or not, but
    /// `keep`. Every unused token of the user that could get past it is void: all but a verification. The notice is written with it.
    async fn set_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordReplacement,
        keep: Option<SessionId>,
    ) -> Result<PasswordSet, StoreError>;

    /// Removes every row of the user and keeps a revocation of everything they had; `None` without such a user, and where `session` was given
    /// and is not one that the user could still refresh.
    async fn delete(
        &self,
        user: UserId,
        session: Option<SessionId>,
        ending: Ending,
    ) -> Result<Option<Vec<Revocation>>, StoreError>;

    /// What is stored about the user besides the todos, of one snapshot; `None` without such a user.
    async fn records(&self, user: UserId) -> Result<Option<AccountRecords>, StoreError>;

    /// Replaces a hash by one of the same password, provided that it still is `old`; otherwise does nothing.
    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError>;
}
