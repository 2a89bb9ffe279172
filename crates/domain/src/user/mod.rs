//! Users: their addresses, names and passwords.

mod common_password;
mod email;
mod hasher;
mod password;

pub use email::{Email, EmailError};
pub(crate) use hasher::verify;
pub use hasher::{HashedFor, HasherError, PasswordHash, PasswordHasher, Verified};
pub use password::{NewPassword, PasswordPolicy, WeakPassword};

use crate::ids::UserId;
use crate::text::trimmed_text;
use crate::time::Stamp;

trimmed_text!(
    /// The display name of a user: 1–100 characters after trimming.
    DisplayName,
    100,
    crate::text::one_line
);

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// `None` only for a user who is known by an external identity alone.
    pub email: Option<Email>,
    pub password: Option<PasswordHash>,
    pub display_name: Option<DisplayName>,
    /// Whether the user has proved that the address is theirs.
    pub email_verified: bool,
    /// False while an operator has disabled the account.
    pub is_active: bool,
    pub created_at: Stamp,
    /// When a session was last opened.
    pub last_login_at: Option<Stamp>,
    /// When the user last changed the address.
    pub email_changed_at: Option<Stamp>,
    /// When the password was last set by a link in an email.
    pub password_reset_at: Option<Stamp>,
}
