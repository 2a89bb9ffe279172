//! Passwords: the rules for new ones, and the port that hashes them.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use async_trait::async_trait;
use thiserror::Error;

use super::{Email, User};
use crate::limits::{Network, network};
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

/// Common leaked passwords, folded, one per line, the most common first: the entries of Django's
/// list (BSD licence) that satisfy the rules, or are a word that satisfies them with a little
/// decoration.
const COMMON: &str = include_str!("common-passwords.txt");

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

/// The words of [`COMMON`], as [`letters`] reads them. Short ones stand in too many other words.
static COMMON_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let words = COMMON.lines().map(|common| letters(common.trim_matches(is_decoration)));
    words.filter(|word| word.len() >= MIN_WORD).collect()
});

/// The minimum length of a common word, in bytes.
const MIN_WORD: usize = 4;
/// More characters around a word than these make it hard to guess.
const MAX_DECORATION: usize = 8;

/// Whether a folded password is on the list, with special characters or without, or is a word of
/// the list with digits and special characters around it or in place of letters: `admin@123`,
/// `p@ssw0rd!1`, `summer2024!`. Where a rule demands such characters, people add them to a word.
fn is_common(folded: &str) -> bool {
    let plain: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    if COMMON.lines().any(|common| common == folded || common == plain) {
        return true;
    }
    // A decoration may also stand for the first letter: `$ecret99`.
    let from_start = folded.trim_end_matches(is_decoration);
    let word = from_start.trim_start_matches(is_decoration);
    folded.chars().count() - word.chars().count() <= MAX_DECORATION
        && [from_start, word].iter().any(|word| COMMON_WORDS.contains(&letters(word)))
}

fn is_decoration(c: char) -> bool {
    !c.is_alphabetic()
}

/// The letters of a folded text, with digits and special characters read as the letters that they
/// look like. I, l and what looks like them become one letter.
fn letters(text: &str) -> String {
    let read = |c: char| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        '1' | '!' | '|' | 'i' => 'l',
        other => other,
    };
    text.chars().map(read).filter(|c| c.is_alphabetic()).collect()
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

/// A hash in the format of the hasher, such as `$2b$12$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The result of comparing a password with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    Incorrect,
    Correct,
    /// The password is right, but its hash has a lower cost than new hashes.
    NeedsRehash,
}

/// Why the hasher failed.
#[derive(Debug, Error)]
pub enum HasherError {
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    #[error("password hashing failed: {0}")]
    Failed(String),
}

/// On whose behalf the hasher works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedFor {
    /// The account, by [`Email::key`] if it has an address; it need not exist.
    pub account: String,
    /// The network of a caller who is not authenticated. Authenticated callers count by account
    /// alone, because a frontend's server sends the requests of all its users.
    pub network: Option<Network>,
}

impl HashedFor {
    /// A caller at `ip` who names the account of an address.
    #[must_use]
    pub fn address(email: &Email, ip: Option<IpAddr>) -> Self {
        Self { account: email.key().to_owned(), network: ip.map(network) }
    }

    /// The owner of an account.
    #[must_use]
    pub fn user(user: &User) -> Self {
        let account = user.email.as_ref().map_or_else(|| user.id.to_string(), |email| email.key().to_owned());
        Self { account, network: None }
    }
}

/// Hashes passwords. An implementation MUST hash on threads other than the async workers, and MUST
/// bound both the number of running jobs and the number of waiting ones. It MUST NOT let one
/// account or one network take so many places that others are refused.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password at the configured cost.
    async fn hash(&self, password: NewPassword, on_behalf: &HashedFor) -> Result<PasswordHash, HasherError>;

    /// Compares a password with a hash. Without a hash, the result MUST be `Incorrect` and MUST
    /// take as long as a comparison, so that the time does not reveal whether an account exists.
    async fn verify(
        &self,
        password: &str,
        hash: Option<PasswordHash>,
        on_behalf: &HashedFor,
    ) -> Result<Verified, HasherError>;
}

/// Compares a password with a hash: first the composed password, then the password as typed, which
/// hashes from before passwords were composed are of. Takes two comparisons if the forms differ,
/// whether or not there is a hash.
pub(crate) async fn verify(
    hasher: &dyn PasswordHasher,
    password: &str,
    hash: Option<PasswordHash>,
    on_behalf: &HashedFor,
) -> Result<Verified, HasherError> {
    let composed = compose(password);
    let verified = hasher.verify(&composed, hash.clone(), on_behalf).await?;
    if verified != Verified::Incorrect || composed == password {
        return Ok(verified);
    }
    Ok(match hasher.verify(password, hash, on_behalf).await? {
        Verified::Correct => Verified::NeedsRehash,
        verified => verified,
    })
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

    #[tokio::test]
    async fn a_hash_of_the_password_as_typed_still_verifies_and_is_replaced() {
        const DECOMPOSED: &str = "Schlu\u{308}ssel7";
        let verified = async |hashed: &'static str, typed: &str| {
            let mut hasher = MockPasswordHasher::new();
            hasher.expect_verify().returning(move |password, hash, _| {
                let is_correct = hash.is_some() && password == hashed;
                Ok(if is_correct { Verified::Correct } else { Verified::Incorrect })
            });
            let hash = Some(PasswordHash("$2b$".into()));
            let ann = HashedFor { account: "ann@example.com".into(), network: None };
            verify(&hasher, typed, hash, &ann).await.map_err(|_| "the mock does not fail")
        };
        assert_eq!(verified("Schlüssel7", DECOMPOSED).await, Ok(Verified::Correct));
        assert_eq!(verified("Schlüssel7", "Schlüssel7").await, Ok(Verified::Correct));
        assert_eq!(verified(DECOMPOSED, DECOMPOSED).await, Ok(Verified::NeedsRehash));
        assert_eq!(verified("Schlüssel7", "Schlussel7").await, Ok(Verified::Incorrect));
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
    fn common_passwords_with_a_special_character_are_refused() {
        let policy = PasswordPolicy { special: true };
        for text in [
            "Admin@123",
            "Password@123",
            "Passw0rd!",
            "Abcd@1234",
            "Test@123",
            "Qwerty@123",
            "Welcome1!",
            "P@ssw0rd",
            "P@ssw0rd1",
            "P@$$w0rd!",
            "Password1!",
            "!Qwerty123",
            "Pass@123",
            "Abc@1234",
            "Letmein1#",
            "Iloveyou1!",
            "P@ssw0rd123",
            "Welcome@2024",
            "We1come#24",
            "Summer2024!",
            "2024-Summer",
            "Root@123",
            "User@1234",
            "Adm1n@2024",
            "$Ecret_99",
        ] {
            assert_eq!(NewPassword::parse(text, None, policy).err(), Some(WeakPassword::Common), "{text}");
        }
        for text in ["Zebra-Stripe-7", "Correct-Horse-7", "Admin@123-lake", "Tr0ub4dor&3", "Summer-174639582"]
        {
            assert!(NewPassword::parse(text, None, policy).is_ok(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", parse("Zebra-Stripe-7").expect("strong")), "NewPassword(…)");
        assert_eq!(format!("{:?}", PasswordHash("$2b$…".into())), "PasswordHash(…)");
    }
}
