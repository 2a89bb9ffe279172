//! Users: who they are and how they prove it.

mod email;
mod one_time;
mod password;
mod service;
mod store;

pub use email::{Email, EmailError};
pub use one_time::{
    Consumed, EmailChange, MagicLogIn, NewOneTime, OneTimeId, OneTimeSecrets, OneTimeStore, Proof, Purpose,
};
pub use password::{
    HasherError, NewPassword, PasswordHash, PasswordHasher, PasswordPolicy, Verified, WeakPassword,
};
pub use service::{
    AccountParts, AccountService, Deletion, EmailPatch, KeepSession, MagicLink, PasswordChange, Registration,
    Reset, SignUp, Unproved,
};
pub use store::{
    AccountRecords, AccountStore, IdentityRecord, MailRecord, NewUser, OneTimeRecord, PasswordReplacement,
    PasswordSet, Registered,
};

use crate::ids::UserId;
use crate::text::trimmed_text;
use crate::time::Stamp;

trimmed_text!(
    /// What a user is called: 1–100 characters after trimming.
    DisplayName,
    100,
    crate::text::check_line
);

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its address; only the account of an external identity may have none.
    pub email: Option<Email>,
    /// The hash of its password, if it has one.
    pub password: Option<PasswordHash>,
    /// What its user is called.
    pub display_name: Option<DisplayName>,
    /// Whether its user showed that the address is theirs.
    pub email_verified: bool,
    /// Whether it may be used.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Stamp,
    /// When a session was last opened.
    pub last_login_at: Option<Stamp>,
}
