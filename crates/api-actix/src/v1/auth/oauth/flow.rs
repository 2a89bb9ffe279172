//! The start of a flow, and the cookie that binds the flow to a browser.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use domain::identity::{FlowOutcome, ReturnTo, StartedFlow};
use domain::one_time::Purpose;

use super::return_to;
use crate::error::Problem;
use crate::extract::{Client, ProviderPath, Query, Validation};
use crate::state::State;

/// The URL to return to, from the query.
pub fn return_to(state: &State, query: &Query, validation: &mut Validation) -> ReturnTo {
    let parse = |text: &str| return_to::parse(text, &state.settings);
    let return_to = query.get(validation, "redirect_to", parse);
    return_to.unwrap_or_else(|| return_to::frontend(&state.settings))
}

/// The flow that was started, or the problem.
pub fn started(outcome: FlowOutcome, provider: &ProviderPath) -> Result<StartedFlow, Problem> {
    match outcome {
        FlowOutcome::Started(flow) => Ok(flow),
        FlowOutcome::UnknownProvider => Err(unknown_provider()),
        FlowOutcome::Limited(charge) => Err(charge.into()),
        FlowOutcome::Provider(error) => Err(Problem::provider_failed(&provider.0, &error)),
    }
}

pub fn unknown_provider() -> Problem {
    Problem::not_found("provider")
}

/// The name of the cookie that binds a login code to the browser. Each code has its own.
pub fn code_cookie_name(client: &Client, code: &str) -> String {
    format!("{}oauth_login_{code}", prefix(client))
}

/// The prefix of cookies that browsers take over TLS only: no host of the same site that an
/// attacker reaches without TLS can set one (RFC 6265bis section 4.1.3). `__Host-` would need the
/// path `/`.
const fn prefix(client: &Client) -> &'static str {
    if client.secure { "__Secure-" } else { "" }
}

/// The cookie that the browser must bring back with a login code. A frontend of the same site sends
/// it with the exchange.
pub fn code_cookie<'a>(client: &Client, code: &str, value: &'a str) -> Cookie<'a> {
    let seconds = i64::try_from(Purpose::OAuthHandOff.lifetime().as_secs()).unwrap_or(i64::MAX);
    Cookie::build(code_cookie_name(client, code), value)
        .path(format!("{}/api/v1/auth/oauth/exchange", client.public_path))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(client.secure)
        .max_age(Duration::seconds(seconds))
        .finish()
}

/// The name of a flow's cookie. Each flow has its own, so that logins in two tabs do not interfere.
pub fn cookie_name(client: &Client, flow: &str) -> String {
    format!("{}oauth_binding_{flow}", prefix(client))
}

/// The cookie of a flow. The browser must send it when the provider redirects to the callback, so
/// `SameSite` cannot be strict.
pub fn cookie<'a>(provider: &ProviderPath, client: &Client, flow: &str, value: &'a str) -> Cookie<'a> {
    let seconds = i64::try_from(Purpose::OAuthState.lifetime().as_secs()).unwrap_or(i64::MAX);
    Cookie::build(cookie_name(client, flow), value)
        .path(format!("{}/api/v1/auth/oauth/{}/callback", client.public_path, provider.0))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(client.secure)
        .max_age(Duration::seconds(seconds))
        .finish()
}
