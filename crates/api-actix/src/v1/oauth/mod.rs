//! Logging in through OAuth providers.
//!
//! A browser is sent to the provider and comes back with a code, which is exchanged behind the scenes. What the browser carries to the
//! frontend is another code, good once and for a minute: no token stands in a URL.

mod link;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::code::ErrorCode;
use domain::identity::{
    AuthorizationResponse, CallbackOutcome, ExchangeOutcome, FlowOutcome, FlowStart, StartedFlow,
};
use domain::one_time::Purpose;
use domain::session::Principal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::tokens::{self, TokenResponse};
use super::{client_id, return_to};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Checks, Client, Field, ProviderPath, Query, Text};
use crate::shared::{as_is, json};

/// The cookie that binds a flow to the browser that began it. Each flow has its own: logins begun in two tabs don't harm each other.
fn cookie_name(flow: &str) -> String {
    format!("oauth_binding_{flow}")
}

/// Fixed paths come before `/auth/oauth/{provider}`, which has their form.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_providers)
        .service(exchange)
        .service(log_in)
        .service(callback)
        .service(link::link_provider)
        .service(link::unlink_provider);
}

/// A provider that users can log in with.
#[derive(Debug, Serialize, ToSchema)]
struct Provider<'a> {
    /// Its name in paths.
    #[schema(example = "google")]
    name: &'a str,
    /// What users know it as.
    #[schema(example = "Google")]
    display_name: &'a str,
}

/// List the providers
///
/// Those that users can log in with on this server.
#[utoipa::path(
    operation_id = "listProviders",
    tag = "Authentication",
    responses((status = 200, description = "The configured providers.", body = Vec<Provider>))
)]
#[get("/auth/oauth/providers")]
async fn list_providers(api: web::Data<Api>) -> HttpResponse {
    let providers = api.identities.providers();
    let list: Vec<_> = providers.map(|(name, display_name)| Provider { name, display_name }).collect();
    json(StatusCode::OK, &list)
}

/// Log in with a provider
///
/// Sends the browser to the provider. It comes back to the callback, and from there to `redirect_to` with a one-time `code`.
#[utoipa::path(
    operation_id = "logInWithProvider",
    tag = "Authentication",
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("redirect_to" = Option<String>, Query, max_length = 2000,
         description = "Where the login comes out: an address of the frontend or of an allowed origin; the frontend by default")
    ),
    responses(
        (status = 302, description = "To the provider.", headers(
            ("Location" = String, description = "The provider's page."),
            ("Set-Cookie" = String, description = "Binds the login to this browser.")
        )),
        (status = 404, description = "`RESOURCE_002`: there is no such provider."),
        (status = 502, description = "`AUTH_010`: the provider can't be used at the moment.")
    )
)]
#[get("/auth/oauth/{provider}/login")]
async fn log_in(api: web::Data<Api>, path: ProviderPath, client: Client, query: Query) -> Answer {
    let started = start(&api, &path, &query, &client, None).await?;
    Ok(HttpResponse::Found()
        .insert_header((LOCATION, started.url))
        .cookie(binding(&path, &client, &started.flow, &started.binding))
        .finish())
}

async fn start(
    api: &Api,
    path: &ProviderPath,
    query: &Query,
    client: &Client,
    link: Option<Principal>,
) -> Result<StartedFlow, Problem> {
    let mut checks = Checks::default();
    let return_to = query.get(&mut checks, "redirect_to", |text| return_to::parse(text, &api.settings));
    checks.finish()?;
    let return_to = return_to.unwrap_or_else(|| return_to::frontend(&api.settings));
    match api.identities.start(&path.0, FlowStart { return_to, link, ip: client.ip }).await? {
        FlowOutcome::Started(flow) => Ok(flow),
        FlowOutcome::UnknownProvider => Err(no_such_provider()),
        FlowOutcome::Limited(charge) => Err(charge.into()),
        FlowOutcome::Provider(error) => Err(Problem::provider_failed(&path.0, &error)),
    }
}

fn no_such_provider() -> Problem {
    Problem::not_found("provider")
}

/// The cookie of a flow. It is sent along when the provider sends the browser back, which a stricter `SameSite` would not allow.
fn binding<'a>(path: &ProviderPath, client: &Client, flow: &str, value: &'a str) -> Cookie<'a> {
    let seconds = i64::try_from(Purpose::OAuthState.lifetime().as_secs()).unwrap_or(i64::MAX);
    Cookie::build(cookie_name(flow), value)
        .path(format!("/api/v1/auth/oauth/{}/callback", path.0))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(client.secure)
        .max_age(Duration::seconds(seconds))
        .finish()
}

/// Come back from a provider
///
/// Where the provider sends the browser. It goes on to the frontend with a one-time `code` for the exchange, or without one where a
/// logged-in user linked the provider.
#[utoipa::path(
    operation_id = "comeBackFromProvider",
    tag = "Authentication",
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("code" = Option<String>, Query, description = "The provider's code"),
        ("state" = Option<String>, Query, description = "Names the login that was begun"),
        ("iss" = Option<String>, Query, description = "The provider that sends it, where it says so (RFC 9207)"),
        ("error" = Option<String>, Query, description = "Why the provider sends no code (RFC 6749 section 4.1.2.1)")
    ),
    responses(
        (status = 302, description = "To the frontend.", headers(
            ("Location" = String, description = "The page that was asked for, with the parameter `code`.")
        )),
        (status = 400, description = "`AUTH_008`: the login is unknown, used, expired, or was begun in another browser."),
        (status = 401, description = "`AUTH_007`: the account is disabled."),
        (status = 404, description = "`RESOURCE_002`: there is no such provider."),
        (status = 409, description = "`AUTH_009`: the identity belongs to another account, or its address to one that never verified it: log in there and link it."),
        (status = 502, description = "`AUTH_010`: the provider failed or refused.")
    )
)]
#[get("/auth/oauth/{provider}/callback")]
async fn callback(
    api: web::Data<Api>,
    path: ProviderPath,
    client: Client,
    query: Query,
    request: HttpRequest,
) -> Answer {
    let state = query.value("state").ok_or_else(Problem::one_time_token_invalid)?;
    let flow = api.identities.flow(state);
    let cookie = request.cookie(&cookie_name(&flow));
    let outcome = api.identities.callback(
        &path.0,
        authorization_response(&query),
        state,
        cookie.as_ref().map(Cookie::value),
    );
    let to = match outcome.await? {
        CallbackOutcome::LogIn(return_to, code) => return_to::with_code(&return_to, &code.0),
        CallbackOutcome::Linked(return_to) => return_to.0,
        CallbackOutcome::UnknownProvider => return Err(no_such_provider()),
        CallbackOutcome::Invalid => return Err(Problem::one_time_token_invalid()),
        CallbackOutcome::Taken => return Err(identity_taken()),
        CallbackOutcome::Disabled => return Err(Problem::account_gone()),
        CallbackOutcome::Provider(error) => return Err(Problem::provider_failed(&path.0, &error)),
    };
    let mut done = binding(&path, &client, &flow, "");
    done.make_removal();
    Ok(HttpResponse::Found().insert_header((LOCATION, to)).cookie(done).finish())
}

fn authorization_response(query: &Query) -> Result<AuthorizationResponse<'_>, &str> {
    if let Some(error) = query.value("error") {
        return Err(error);
    }
    let code = query.value("code").ok_or("neither `code` nor `error` came")?;
    Ok(AuthorizationResponse { code, issuer: query.value("iss") })
}

fn identity_taken() -> Problem {
    Problem::new(
        ErrorCode::IdentityTaken,
        "This login or its address belongs to another account; log in to that one and link the provider there",
    )
}

/// A hand-off code.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"code": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x", "client_id": "laptop"}))]
struct ExchangeRequest<'a> {
    /// The code with which the browser came to the frontend.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true)]
    code: Field<Text<'a>>,
    /// The name the device gives itself.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    client_id: Field<Text<'a>>,
}

/// Exchange a login's code for tokens
///
/// The code is good once and for a minute. A page of an allowed origin also gets the refresh token as a cookie.
#[utoipa::path(
    operation_id = "exchangeCode",
    tag = "Authentication",
    request_body(content = ExchangeRequest, description = "The code"),
    responses(
        (status = 200, description = "The session is open.", body = TokenResponse),
        (status = 400, description = "`AUTH_008`: the code is unknown, used or expired. `VALIDATION_009`: the body is not JSON."),
        (status = 401, description = "`AUTH_007`: the account is gone or disabled.")
    )
)]
#[post("/auth/oauth/exchange")]
async fn exchange(api: web::Data<Api>, client: Client, body: Body) -> Answer {
    let input: ExchangeRequest<'_> = body.read()?;
    let mut checks = Checks::default();
    let code = checks.required("code", input.code, as_is);
    let client_id = checks.optional("client_id", input.client_id, client_id);
    let (Some(code), true) = (code, checks.passed()) else { return Err(checks.into()) };
    match api.identities.exchange(&code.0, client.device(client_id)).await? {
        ExchangeOutcome::Done(login) => Ok(tokens::answer(StatusCode::OK, &login, &client, &api)),
        ExchangeOutcome::Invalid => Err(Problem::one_time_token_invalid()),
        ExchangeOutcome::Disabled => Err(Problem::account_gone()),
    }
}
