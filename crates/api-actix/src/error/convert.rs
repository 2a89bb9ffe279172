//! Conversions into problems. Failures are logged here, once, in the span with the request id.

use domain::code::ErrorCode;
use domain::error::StoreError;
use domain::identity::ProviderError;
use domain::limits::Charge;
use domain::session::AuthFailure;
use domain::user::HasherError;

use super::{Problem, log_store_error};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        log_store_error(&error);
        match error {
            StoreError::Unavailable(_) => Self::new(
                ErrorCode::DatabaseUnavailable,
                "The database is unavailable; try again in a moment. A request that writes may have been carried out",
            ),
            StoreError::Corrupt { .. } => Self::unexpected(),
        }
    }
}

impl From<AuthFailure> for Problem {
    fn from(failure: AuthFailure) -> Self {
        match failure {
            AuthFailure::Malformed => Self::token_malformed(),
            AuthFailure::NotTrusted => {
                Self::new(ErrorCode::TokenNotTrusted, "The token was not issued for this server")
            }
            AuthFailure::Expired => {
                Self::new(ErrorCode::AccessTokenExpired, "The access token has expired; refresh it")
            }
            AuthFailure::Revoked => {
                Self::new(ErrorCode::TokenRevoked, "This session has ended; log in again")
            }
            AuthFailure::Disabled => Self::account_gone(),
            AuthFailure::RevocationsUnknown => Self::new(
                ErrorCode::TokenNotVerifiable,
                "The server cannot check at the moment whether this session has ended; try again in a moment",
            ),
            AuthFailure::KeysUnknown => Self::new(
                ErrorCode::TokenNotVerifiable,
                "The server could not fetch the keys of the token's issuer yet; try again in a moment",
            ),
        }
    }
}

impl From<HasherError> for Problem {
    fn from(error: HasherError) -> Self {
        match error {
            HasherError::Busy => {
                Self::new(ErrorCode::RateLimited, "Too many logins at once; try again in a moment")
            }
            HasherError::Failed(_) => {
                tracing::error!(%error, "a password could not be hashed");
                Self::new(ErrorCode::HashingFailed, "The password could not be processed; please report it")
            }
        }
    }
}

impl From<Charge> for Problem {
    fn from(charge: Charge) -> Self {
        let problem = Self::new(ErrorCode::RateLimited, "Too many attempts; try again later");
        Self { charge: Some(Box::new(charge)), ..problem.retry_after(charge.retry_after) }
    }
}

impl Problem {
    /// The login through `provider`, a configured provider, failed.
    pub fn provider_failed(provider: &str, error: &ProviderError) -> Self {
        // Providers and browsers may send any text, so it is logged in escaped form.
        let reason = error.to_string();
        let message = match error {
            // Clients can cause this failure, so it is not logged as a warning.
            ProviderError::Refused(_) => {
                tracing::info!(provider, error = ?reason, "a provider refused a login");
                "The provider refused the login; try again or log in another way"
            }
            ProviderError::Failed(_) => {
                tracing::warn!(provider, error = ?reason, "a provider did not return an identity");
                "The provider is not available at the moment; try again later"
            }
        };
        Self::new(ErrorCode::ProviderFailed, message)
    }
}
