//! The start of a flow, and the cookie that binds the flow to a browser.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use domain::identity::{FlowOutcome, FlowStart, StartedFlow};
use domain::one_time::Purpose;
use domain::session::Principal;

use super::return_to;
use crate::error::Problem;
use crate::extract::{Client, ProviderPath, Query, Validation};
use crate::state::State;

/// Starts a login or, with a caller, a link to the caller's account.
pub async fn start(
    state: &State,
    provider: &ProviderPath,
    query: &Query,
    client: &Client,
    link: Option<Principal>,
) -> Result<StartedFlow, Problem> {
    let mut validation = Validation::default();
    let parse = |text: &str| return_to::parse(text, &state.settings);
    let return_to = query.get(&mut validation, "redirect_to", parse);
    validation.finish()?;
    let return_to = return_to.unwrap_or_else(|| return_to::frontend(&state.settings));
    match state.identities.start(&provider.0, FlowStart { return_to, link, ip: client.ip }).await? {
        FlowOutcome::Started(flow) => Ok(flow),
        FlowOutcome::UnknownProvider => Err(unknown_provider()),
        FlowOutcome::Limited(charge) => Err(charge.into()),
        FlowOutcome::Provider(error) => Err(Problem::provider_failed(&provider.0, &error)),
    }
}

pub fn unknown_provider() -> Problem {
    Problem::not_found("provider")
}

/// The name of a flow's cookie. Each flow has its own, so that logins in two tabs do not interfere.
pub fn cookie_name(flow: &str) -> String {
    format!("oauth_binding_{flow}")
}

/// The cookie of a flow. The browser must send it when the provider redirects to the callback, so `SameSite`
/// cannot be strict.
pub fn cookie<'a>(provider: &ProviderPath, client: &Client, flow: &str, value: &'a str) -> Cookie<'a> {
    let seconds = i64::try_from(Purpose::OAuthState.lifetime().as_secs()).unwrap_or(i64::MAX);
    Cookie::build(cookie_name(flow), value)
        .path(format!("/api/v1/auth/oauth/{}/callback", provider.0))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(client.secure)
        .max_age(Duration::seconds(seconds))
        .finish()
}
