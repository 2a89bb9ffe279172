//! The port to where users are kept.

use async_trait::async_trait;

use super::{DisplayName, Email, PasswordHash, User};
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::session::{Ending, NewSession, Revocation};
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
}

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The account exists, with its first session where one was asked for.
    Done(Box<User>),
    /// The address belongs to an account already; nothing was written.
    EmailTaken,
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
    /// `keep`.
    async fn set_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordHash,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<PasswordSet, StoreError>;

    /// Replaces a hash by one of the same password, provided that it still is `old`; otherwise does nothing.
    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError>;
}
