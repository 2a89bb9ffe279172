//! The authenticated caller.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use domain::UserId;
use domain::identity::AuthOutcome;
use domain::session::{Principal, Scope};
use tokio::sync::SetOnce;

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
        Ok(Self(admit(request, state.identities.authenticate(token).await?)?))
    }
}

/// The caller of a request, as soon as it is known. The framework runs the extractors of a handler side by
/// side, so the extractor of the body waits for the one of the caller here.
#[derive(Clone, Default)]
pub struct Authentication(Rc<SetOnce<Principal>>);

impl Authentication {
    /// The authentication that has begun, if the handler asks for the caller. Looks in vain before the
    /// framework has called every extractor, and so before it polls the first one.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// Waits for the caller. Never ends if the authentication fails: then the whole request does.
    pub async fn principal(&self) -> &Principal {
        self.0.wait().await
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
        let authentication = Authentication::default();
        request.extensions_mut().insert(authentication.clone());
        Box::pin(async move {
            let caller = Self::of(&request).await?;
            // Fails only if it is set already.
            drop(authentication.0.set(caller.0.clone()));
            Ok(caller)
        })
    }
}
