//! Passwords: what is accepted, and the port that hashes them.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use super::Email;
use crate::text::fold;

/// What a surface demands of a new password beyond 8 characters with upper case, lower case and digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Whether a character that is neither letter nor digit is needed.
    pub special: bool,
}

/// Why a new password is refused. All that is wrong is told at once.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WeakPassword {
    /// Fewer than 8 characters, or a class of characters is missing.
    #[error("must have {}", .missing.join(", "))]
    Missing {
        /// What it needs, in words.
        missing: Vec<&'static str>,
    },
    /// More than 72 bytes of UTF-8: bcrypt would ignore the rest.
    #[error("must be at most {max} bytes long in UTF-8, it has {got}")]
    TooLong {
        /// The most bytes allowed.
        max: usize,
        /// How many it has.
        got: usize,
    },
    /// It holds a NUL, at which bcrypt would stop.
    #[error("must not contain the character NUL")]
    Nul,
    /// It is one of the most common ones.
    #[error("is one of the most common passwords")]
    Common,
    /// It is the user's own address.
    #[error("must not be your email address")]
    IsEmail,
}

/// A password that may be set.
#[derive(Clone)]
pub struct NewPassword(String);

/// The passwords most often found in leaks that would otherwise pass, folded, a line each: those
/// of Django's list (BSD licence) that have a letter and a digit.
const COMMON: &str = include_str!("common-passwords.txt");

impl NewPassword {
    /// The least characters it has.
    pub const MIN_CHARS: usize = 8;
    /// The most bytes it has (bcrypt's limit).
    pub const MAX_BYTES: usize = 72;

    /// Checks `text`, which is never trimmed, for the user of `email`.
    pub fn parse(text: &str, email: Option<&Email>, policy: PasswordPolicy) -> Result<Self, WeakPassword> {
        if text.len() > Self::MAX_BYTES {
            return Err(WeakPassword::TooLong { max: Self::MAX_BYTES, got: text.len() });
        }
        if text.contains('\0') {
            return Err(WeakPassword::Nul);
        }
        let needs = [
            ("8 characters or more", text.chars().count() >= Self::MIN_CHARS),
            ("an upper-case letter", text.chars().any(char::is_uppercase)),
            ("a lower-case letter", text.chars().any(char::is_lowercase)),
            ("a digit", text.chars().any(|c| c.is_ascii_digit())),
            ("a special character", !policy.special || text.chars().any(|c| !c.is_alphanumeric())),
        ];
        let missing: Vec<_> = needs.iter().filter(|(_, met)| !met).map(|(need, _)| *need).collect();
        if !missing.is_empty() {
            return Err(WeakPassword::Missing { missing });
        }
        let folded = fold(text);
        if email.is_some_and(|email| fold(email.as_str()) == folded) {
            return Err(WeakPassword::IsEmail);
        }
        if COMMON.lines().any(|common| common == folded) {
            return Err(WeakPassword::Common);
        }
        Ok(Self(text.to_owned()))
    }

    /// A password that its user just proved, for a hash of higher cost: no rule of today's refuses it.
    pub(crate) fn proved(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The password in clear, for the hasher.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

/// A hash in the form its hasher writes, such as `$2b$12$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The answer to a password offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is another.
    Wrong,
    /// It is the right one.
    Right,
    /// It is the right one, and its hash is of a lower cost than new ones.
    RightButWeak,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HasherError {
    /// Too many wait already; nothing was done.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The hash can't be read or made.
    #[error("password hashing failed: {0}")]
    Failed(String),
}

/// Hashes passwords off the async workers, a bounded number at once and a bounded number waiting.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a new password at the configured cost.
    async fn hash(&self, password: NewPassword) -> Result<PasswordHash, HasherError>;

    /// Compares. Without a hash the answer is `Wrong` after the time that a comparison takes, so that nobody learns whether
    /// an account exists.
    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verified, HasherError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NewPassword, WeakPassword> {
        let email = Email::parse("Ann1@example.com").expect("valid");
        NewPassword::parse(text, Some(&email), PasswordPolicy::default())
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let missing = vec!["8 characters or more", "an upper-case letter", "a digit"];
        assert_eq!(parse("abc").err(), Some(WeakPassword::Missing { missing }));
    }

    #[test]
    fn bytes_count_not_characters() {
        let long = format!("Aa1{}", "é".repeat(35));
        assert_eq!(parse(&long).err(), Some(WeakPassword::TooLong { max: 72, got: 73 }));
        assert!(parse(&long[..long.len() - 2]).is_ok());
    }

    #[test]
    fn common_ones_and_the_own_address_are_refused() {
        assert_eq!(parse("Password1").err(), Some(WeakPassword::Common));
        assert_eq!(parse("aNN1@Example.com").err(), Some(WeakPassword::IsEmail));
        assert_eq!(parse("Aa1\0aaaaaa").err(), Some(WeakPassword::Nul));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", parse("Zebra-Stripe-7").expect("strong")), "NewPassword(…)");
        assert_eq!(format!("{:?}", PasswordHash("$2b$…".into())), "PasswordHash(…)");
    }
}
