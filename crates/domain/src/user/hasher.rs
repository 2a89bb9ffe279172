//! The port that hashes passwords.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use thiserror::Error;

use super::{Email, NewPassword, User};
use crate::limits::{Network, network};
use crate::text::compose;

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
/// account or one network take so much of its capacity that others are refused.
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
    fn debug_shows_no_hash() {
        assert_eq!(format!("{:?}", PasswordHash("$2b$…".into())), "PasswordHash(…)");
    }
}
