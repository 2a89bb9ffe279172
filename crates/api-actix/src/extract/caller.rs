//! The authenticated caller.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use domain::UserId;
use domain::identity::AuthOutcome;
use domain::session::{Principal, Scope};

use crate::error::Problem;
use crate::state::State;

/// The caller whom the access token in `Authorization: Bearer` identifies (RFC 6750 section 2.1).
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

impl Caller {
    /// The user, if the token has the scope.
    pub fn may(&self, scope: Scope) -> Result<UserId, Problem> {
        if self.0.may(scope) { Ok(self.0.user) } else { Err(Problem::scope_missing(scope)) }
    }

    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let state = request.app_data::<web::Data<State>>().ok_or_else(Problem::unexpected)?;
        let header = request.headers().get(AUTHORIZATION).ok_or_else(Problem::token_missing)?;
        let token = std::str::from_utf8(header.as_bytes()).ok().and_then(bearer);
        let token = token.ok_or_else(Problem::token_malformed)?;
        let principal = admit(request, state.identities.authenticate(token).await?)?;
        // The body may arrive much later; its extractor checks the caller again.
        request.extensions_mut().insert(principal.clone());
        Ok(Self(principal))
    }
}

/// The caller, or why the request is refused. Records the user and the charge for the layers above.
pub fn admit(request: &HttpRequest, outcome: AuthOutcome) -> Result<Principal, Problem> {
    let (principal, charge) = match outcome {
        AuthOutcome::Granted(principal, charge) => (principal, charge),
        AuthOutcome::Limited(principal, charge) => (principal, Some(charge)),
        AuthOutcome::ScopeMissing(scope) => return Err(Problem::scope_missing(scope)),
        AuthOutcome::Refused(failure) => {
            tracing::info!(?failure, "an access token was refused");
            return Err(failure.into());
        }
        AuthOutcome::RefusedByIssuers(failure) => return Err(failure.into()),
    };
    request.extensions_mut().insert(principal.user);
    if let Some(charge) = charge {
        request.extensions_mut().insert(charge);
        charge.granted()?;
    }
    Ok(principal)
}

/// The token of a `Bearer` credential. The name of the scheme is case-insensitive (RFC 9110 section 11.1).
#[must_use]
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}
