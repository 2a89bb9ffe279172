//! Users known by somebody else: an OAuth provider they log in with, or an external issuer whose tokens are accepted.
//!
//! An identity is a provider's or issuer's name and a subject in it. It is never joined to an account by an address that only one
//! side verified: whoever registers somebody's address and waits must not get their login.

mod service;
mod store;

pub use service::{Begin, Begun, Callback, Exchange, IdentityParts, IdentityService, ReturnTo};
pub use store::{IdentityStore, Linked, Resolved, Unlinked};

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use crate::account::{DisplayName, Email, User};
use crate::ids::UserId;
use crate::session::AuthFailure;
use crate::time::Stamp;

/// What a provider says of a user who logged in there.
#[derive(Clone, Debug)]
pub struct ProviderIdentity {
    /// The provider's name, such as `google`.
    pub provider: String,
    /// The user's id there.
    pub subject: String,
    /// Their address, where the provider vouches for it.
    pub verified_email: Option<Email>,
    /// What they are called.
    pub name: Option<DisplayName>,
    /// The provider's tokens, encrypted.
    pub tokens: SealedTokens,
}

/// A provider's tokens as they are stored: encrypted with an AEAD under the key `key_id` names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealedTokens {
    /// Which key.
    pub key_id: Option<String>,
    /// The access token.
    pub access: Option<Vec<u8>>,
    /// The refresh token.
    pub refresh: Option<Vec<u8>>,
}

impl fmt::Debug for SealedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedTokens(…)")
    }
}

/// What an external issuer's token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalToken {
    /// The issuer's configured name.
    pub issuer: String,
    /// Its `sub`.
    pub subject: String,
    /// Its `email`, which counts for nothing but display.
    pub email: Option<Email>,
    /// Its `name`.
    pub name: Option<DisplayName>,
    /// When it expires.
    pub expires_at: Stamp,
}

/// Checks tokens of external issuers.
#[async_trait]
pub trait Issuers: Send + Sync {
    /// Checks form, signature, issuer, audience and times, with 30 s of leeway. Keys that can't be fetched are no reason to wait long or to
    /// fail with anything but [`AuthFailure::NotTrusted`].
    async fn verify(&self, token: &str, now: Stamp) -> Result<ExternalToken, AuthFailure>;
}

/// Where a user is sent to log in, and what is remembered until they are back.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The provider's address with everything in it.
    pub url: String,
    /// What the flow needs at the callback (PKCE verifier, nonce), in a form of the adapter's own.
    pub memo: String,
}

/// What a provider sends the browser back with where its user consented (RFC 6749 section 4.1.2).
#[derive(Clone, Copy)]
pub struct Granted<'a> {
    /// The authorization code.
    pub code: &'a str,
    /// The provider that says to have sent it (RFC 9207), where one does.
    pub issuer: Option<&'a str>,
}

/// Why a provider gave no identity.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// The user or the provider said no.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// It could not be reached, was too slow, or answered nonsense.
    #[error("the provider failed: {0}")]
    Failed(String),
}

/// One OAuth provider (RFC 6749 section 4.1 with PKCE, RFC 7636).
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name in URLs and tables.
    fn name(&self) -> &str;

    /// What users know it as.
    fn display_name(&self) -> &str;

    /// Begins a flow; `state` comes back with the callback.
    async fn authorize(&self, state: &str) -> Result<Authorization, ProviderError>;

    /// Ends a flow: exchanges the code and finds out who it is. A code that another issuer says to have sent MUST go nowhere.
    async fn identify(
        &self,
        granted: Granted<'_>,
        memo: &str,
        now: Stamp,
    ) -> Result<ProviderIdentity, ProviderError>;
}

/// What is known when an identity has to be joined to an account.
#[derive(Clone, Debug, Default)]
pub struct JoinFacts {
    /// The user who has this identity.
    pub owner: Option<User>,
    /// The user who has the address that the provider vouches for.
    pub by_email: Option<User>,
}

/// To which account an identity belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Join {
    /// To the one that has it.
    Known(UserId),
    /// To the one with this verified address: it gets the identity.
    Link(UserId),
    /// To a new one.
    Create,
    /// To none before its user logs in otherwise and links it: the address belongs to an account that never verified it.
    NeedsLink,
    /// The account is disabled.
    Disabled,
}

/// The linking rule of a login.
#[must_use]
pub fn join(facts: &JoinFacts) -> Join {
    match (&facts.owner, &facts.by_email) {
        (Some(user), _) if !user.is_active => Join::Disabled,
        (Some(user), _) => Join::Known(user.id),
        (None, Some(user)) if !user.email_verified => Join::NeedsLink,
        (None, Some(user)) if !user.is_active => Join::Disabled,
        (None, Some(user)) => Join::Link(user.id),
        (None, None) => Join::Create,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn user(id: u128, email_verified: bool, is_active: bool) -> User {
        User {
            id: UserId(Uuid::from_u128(id)),
            email: Email::parse("ann@example.com").ok(),
            password: None,
            display_name: None,
            email_verified,
            is_active,
            created_at: Stamp::EPOCH,
            last_login_at: None,
        }
    }

    #[test]
    fn an_identity_seen_before_logs_its_user_in_whatever_its_address_says() {
        let facts = JoinFacts { owner: Some(user(1, false, true)), by_email: Some(user(2, true, true)) };
        assert_eq!(join(&facts), Join::Known(UserId(Uuid::from_u128(1))));
    }

    #[test]
    fn a_new_identity_joins_only_an_account_that_verified_the_address() {
        let verified = JoinFacts { owner: None, by_email: Some(user(2, true, true)) };
        assert_eq!(join(&verified), Join::Link(UserId(Uuid::from_u128(2))));
        let squatted = JoinFacts { owner: None, by_email: Some(user(2, false, true)) };
        assert_eq!(join(&squatted), Join::NeedsLink);
        assert_eq!(join(&JoinFacts::default()), Join::Create);
    }

    #[test]
    fn a_disabled_account_is_not_logged_in() {
        let owner = JoinFacts { owner: Some(user(1, true, false)), by_email: None };
        let by_email = JoinFacts { owner: None, by_email: Some(user(2, true, false)) };
        assert_eq!((join(&owner), join(&by_email)), (Join::Disabled, Join::Disabled));
    }
}
