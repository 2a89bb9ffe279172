//! The authenticated caller.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use domain::UserId;
use domain::limits::LimitKey;
use domain::session::{Principal, Scope};

use crate::Api;
use crate::error::Problem;

/// Whoever the access token of `Authorization: Bearer` (RFC 6750 section 2.1) speaks for.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

impl Caller {
    /// The user.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.0.user
    }

    /// The user, provided that the token allows `scope`.
    pub fn may(&self, scope: Scope) -> Result<UserId, Problem> {
        if self.0.may(scope) { Ok(self.0.user) } else { Err(Problem::scope_missing(scope)) }
    }

    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let api = request.app_data::<web::Data<Api>>().ok_or_else(Problem::unexpected)?;
        let header = request.headers().get(AUTHORIZATION).ok_or_else(Problem::token_missing)?;
        let token = header.to_str().ok().and_then(bearer).ok_or_else(Problem::token_malformed)?;
        let principal = api.sessions.authenticate(token).await??;
        request.extensions_mut().insert(principal.user);
        // The body, which may arrive much later, asks again whether it still stands.
        request.extensions_mut().insert(principal.clone());
        charge(api, principal.user, request).await?;
        Ok(Self(principal))
    }
}

/// Counts the request for its user, and leaves the count for the answer's headers.
pub async fn charge(api: &Api, user: UserId, request: &HttpRequest) -> Result<(), Problem> {
    let Some(quota) = api.settings.api_quota else { return Ok(()) };
    let charge = api.sessions.parts().limiter.charge(&LimitKey::Api(user), quota, api.clock.now()).await;
    request.extensions_mut().insert(charge);
    Ok(charge.granted()?)
}

/// The token of a `Bearer` credential; the scheme's name has no case (RFC 9110 section 11.1).
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
