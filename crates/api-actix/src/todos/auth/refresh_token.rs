//! Refresh tokens in bodies.

use domain::code::ErrorCode;
use domain::session::AuthFailure;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::Problem;
use crate::extract::{Member, Text, Validation};
use crate::wire::as_is;

/// A refresh token.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodosRefresh, example = json!({"refresh_token": "eyJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"}))]
pub(super) struct RefreshToken<'a> {
    /// The refresh token. If it is missing, the server reads the cookie.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>)]
    refresh_token: Member<Text<'a>>,
}

impl<'a> RefreshToken<'a> {
    pub(super) fn parse(self) -> Result<Option<Text<'a>>, Problem> {
        let mut validation = Validation::default();
        let token = validation.optional("refresh_token", self.refresh_token, as_is);
        validation.finish()?;
        Ok(token)
    }
}

/// The problem of a refused refresh token. Its expiry has an error code of its own.
pub(super) fn refused(failure: AuthFailure) -> Problem {
    match failure {
        AuthFailure::Expired => {
            Problem::new(ErrorCode::RefreshTokenExpired, "The refresh token has expired; log in again")
        }
        AuthFailure::Malformed
        | AuthFailure::NotTrusted
        | AuthFailure::Revoked
        | AuthFailure::Disabled
        | AuthFailure::RevocationsUnknown
        | AuthFailure::KeysUnknown => failure.into(),
    }
}
