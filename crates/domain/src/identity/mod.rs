//! The identities of users at OAuth providers with which they log in, and at external issuers whose
//! tokens the server accepts.
//!
//! An identity is the name of a provider or issuer, together with a subject there. An identity
//! never joins an account by an address that only one side has verified: an attacker who registers
//! another person's address and waits must not receive that person's login.

mod service;
mod store;

pub use service::{
    AuthOutcome, CallbackOutcome, CodeChallenge, ExchangeOutcome, FlowOutcome, FlowStart, IdentityPorts,
    IdentityService, LoginCode, ReturnTo, StartedFlow,
};
pub use store::{IdentityStore, Linked, LoginWays, Resolved, Unlinked};

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use crate::ids::UserId;
use crate::session::AuthFailure;
use crate::time::Stamp;
use crate::user::{DisplayName, Email, User};

/// What a provider reports about a user who logged in there.
#[derive(Clone, Debug)]
pub struct ProviderIdentity {
    /// The provider's name, such as `google`.
    pub provider: String,
    /// The user's id at the provider.
    pub subject: String,
    /// The user's address, if the provider has verified it.
    pub verified_email: Option<Email>,
    pub name: Option<DisplayName>,
    /// The provider's tokens, encrypted.
    pub tokens: SealedTokens,
}

/// A provider's tokens in their stored form: encrypted by an AEAD under the key that `key_id`
/// names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealedTokens {
    pub key_id: Option<String>,
    pub access: Option<Vec<u8>>,
    pub refresh: Option<Vec<u8>>,
}

impl fmt::Debug for SealedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedTokens(…)")
    }
}

/// The claims of a verified token of an external issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalToken {
    /// The configured name of the issuer.
    pub issuer: String,
    /// The `sub` claim.
    pub subject: String,
    /// The `email` claim, which is only displayed.
    pub email: Option<Email>,
    /// The `name` claim.
    pub name: Option<DisplayName>,
    pub expires_at: Stamp,
}

/// Checks tokens of external issuers.
#[async_trait]
pub trait Issuers: Send + Sync {
    /// Checks the form, signature, issuer, audience and, with 30 s of leeway, times of a token. If
    /// the issuer's keys can't be fetched, an implementation MUST NOT wait long, and MUST answer
    /// [`AuthFailure::NotTrusted`].
    async fn verify(&self, token: &str, now: Stamp) -> Result<ExternalToken, AuthFailure>;

    /// The names of the issuers, as in [`ExternalToken::issuer`].
    fn names(&self) -> Vec<String>;
}

/// The URL at which a user logs in, and the data to store until the user returns.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The complete URL of the authorization request.
    pub url: String,
    /// The data that the adapter needs at the callback (PKCE verifier, nonce), in the adapter's own
    /// format.
    pub flow_state: String,
}

/// The parameters with which a provider sends the browser back after consent (RFC 6749 section
/// 4.1.2).
#[derive(Clone, Copy)]
pub struct AuthorizationResponse<'a> {
    /// The authorization code.
    pub code: &'a str,
    /// The issuer that the response names, if it names one (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// Why a provider reported no identity.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// The user or the provider denied the request.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider could not be reached, was too slow, or sent an invalid answer.
    #[error("the provider failed: {0}")]
    Failed(String),
}

/// One OAuth provider (RFC 6749 section 4.1 with PKCE, RFC 7636).
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name in URLs and tables.
    fn name(&self) -> &str;

    /// The name that users see.
    fn display_name(&self) -> &str;

    /// Starts a flow. The provider returns `state` with the callback.
    async fn authorize(&self, state: &str) -> Result<Authorization, ProviderError>;

    /// Completes a flow: exchanges the code, and requests the user's identity. If the response
    /// names another issuer, an implementation MUST NOT send the code anywhere.
    async fn identify(
        &self,
        response: AuthorizationResponse<'_>,
        flow_state: &str,
        now: Stamp,
    ) -> Result<ProviderIdentity, ProviderError>;
}

/// The facts that decide which account an identity joins.
#[derive(Clone, Debug, Default)]
pub struct JoinFacts {
    /// The user who has this identity.
    pub owner: Option<User>,
    /// The user who has the address that the provider has verified.
    pub by_email: Option<User>,
}

/// The account that an identity joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Join {
    /// The account that has the identity.
    Known(UserId),
    /// The account with this verified address, which gets the identity.
    Link(UserId),
    /// A new account.
    Create,
    /// No account, until the user logs in another way and links the identity: the address belongs
    /// to an account that never verified it.
    NeedsLink,
    /// No account, because the existing one is disabled.
    Disabled,
}

/// Decides which account an identity joins at login.
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
            email_changed_at: None,
            password_reset_at: None,
        }
    }

    #[test]
    fn a_known_identity_logs_its_user_in_whatever_its_address_is() {
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
