//! The rules for new passwords.

use std::fmt;

use thiserror::Error;

use super::Email;
use super::common_password::is_common;
use crate::text::{compose, fold};

/// What a surface requires of a new password, besides 8 characters with an upper-case letter, a
/// lower-case letter and a digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Whether it needs a character that is neither a letter nor a digit.
    pub special: bool,
}

/// Why a new password is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WeakPassword {
    /// It is too short or lacks a class of characters. The list names everything that is missing.
    #[error("must have {}", .missing.join(", "))]
    Missing { missing: Vec<&'static str> },
    /// It has more than 72 bytes of UTF-8; bcrypt would ignore the rest.
    #[error("must be at most {max} bytes long in UTF-8, it has {got}")]
    TooLong { max: usize, got: usize },
    /// It contains a NUL, where bcrypt would stop.
    #[error("must not contain the character NUL")]
    Nul,
    #[error("is one of the most common passwords")]
    Common,
    #[error("must not be your email address")]
    IsEmail,
}

/// A password that satisfies the rules and may be set.
#[derive(Clone)]
pub struct NewPassword(String);

impl NewPassword {
    /// The minimum length in characters.
    pub const MIN_CHARS: usize = 8;
    /// The maximum length in bytes of UTF-8 (bcrypt's limit).
    pub const MAX_BYTES: usize = 72;

    /// Checks the password of the user of `email`. The text is composed (Unicode's form C, as NIST
    /// SP 800-63B and RFC 8265 ask for), because systems type the same letters in different forms.
    /// It is not trimmed.
    pub fn parse(text: &str, email: Option<&Email>, policy: PasswordPolicy) -> Result<Self, WeakPassword> {
        let text = &*compose(text);
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
        if is_common(&folded) {
            return Err(WeakPassword::Common);
        }
        Ok(Self(text.to_owned()))
    }

    /// A password that was just verified and must be rehashed at a higher cost. The rules for new
    /// passwords do not apply to it.
    pub(crate) fn verified(text: &str) -> Self {
        Self(compose(text).into_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NewPassword, WeakPassword> {
        let email = Email::parse("Ann1@example.com").expect("valid");
        NewPassword::parse(text, Some(&email), PasswordPolicy::default())
    }

    #[test]
    fn a_refusal_lists_everything_that_is_missing() {
        let missing = vec!["8 characters or more", "an upper-case letter", "a digit"];
        assert_eq!(parse("abc").err(), Some(WeakPassword::Missing { missing }));
    }

    #[test]
    fn the_maximum_counts_bytes_and_not_characters() {
        let long = format!("Aa1{}", "é".repeat(35));
        assert_eq!(parse(&long).err(), Some(WeakPassword::TooLong { max: 72, got: 73 }));
        assert!(parse(&long[..long.len() - 2]).is_ok());
    }

    #[test]
    fn a_password_is_composed_before_it_is_measured() {
        let decomposed = format!("Aa1{}", "e\u{301}".repeat(34));
        let password = parse(&decomposed).expect("71 bytes when composed");
        assert_eq!(password.expose(), format!("Aa1{}", "é".repeat(34)));
    }

    #[test]
    fn common_passwords_and_the_users_own_address_are_refused() {
        assert_eq!(parse("Password1").err(), Some(WeakPassword::Common));
        assert_eq!(parse("aNN1@Example.com").err(), Some(WeakPassword::IsEmail));
        assert_eq!(parse("Aa1\0aaaaaa").err(), Some(WeakPassword::Nul));
        for (text, reason) in [
            ("NO-LOWER-CASE-1", "must have a lower-case letter"),
            ("Password1", "is one of the most common passwords"),
            ("Ann1@example.com", "must not be your email address"),
            ("Aa1\0aaaaaa", "must not contain the character NUL"),
            (&"Aa1!".repeat(19), "must be at most 72 bytes long in UTF-8, it has 76"),
        ] {
            assert_eq!(parse(text).err().map(|error| error.to_string()).as_deref(), Some(reason));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", parse("Zebra-Stripe-7").expect("strong")), "NewPassword(…)");
    }
}
