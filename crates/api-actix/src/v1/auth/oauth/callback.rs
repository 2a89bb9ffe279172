//! `/api/v1/auth/oauth/{provider}/callback`

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::code::ErrorCode;
use domain::identity::{AuthorizationResponse, CallbackOutcome, LoginCode};

use super::{flow, return_to};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Client, ProviderPath, Query, Validation};
use crate::state::State;

/// Return from a provider
///
/// The provider redirects the browser here. The response redirects it to the frontend: after a
/// login with a one-time `code` for the exchange, after linking a provider without one.
#[utoipa::path(
    operation_id = "providerCallback",
    tag = "Authentication",
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("code" = Option<String>, Query, description = "The provider's code"),
        ("state" = Option<String>, Query, description = "Identifies the flow"),
        ("iss" = Option<String>, Query, description = "The provider's issuer identifier, if it sends one (RFC 9207)"),
        ("error" = Option<String>, Query, description = "Why the provider sends no code (RFC 6749 section 4.1.2.1)")
    ),
    responses(
        (status = 302, description = "A redirect to the frontend.", headers(
            ("Location" = String, description = "The URL to return to, with the parameter `code`."),
            ("Set-Cookie" = String, description = "Binds the code to this browser, unless the login has a `code_challenge`.")
        )),
        (status = 400, description = "`AUTH_008`: the flow is unknown, used, expired, or was started in another browser."),
        (status = 401, description = "`AUTH_007`: the account is disabled."),
        (status = 403, description = "`AUTHZ_002`: there is no account, and registration is closed."),
        (status = 404, description = "`RESOURCE_002`: the provider does not exist."),
        (status = 409, description = "`AUTH_009`: the identity belongs to another account, or its email address to an account that has not verified it: log in to that account and link the provider. Or another login at the provider is linked to the account: unlink it first."),
        (status = 502, description = "`AUTH_010`: the provider failed or refused the login.")
    )
)]
#[get("/auth/oauth/{provider}/callback")]
pub(super) async fn callback(
    state: web::Data<State>,
    path: ProviderPath,
    client: Client,
    query: Query,
    request: HttpRequest,
) -> HandlerResult {
    let mut validation = Validation::default();
    let mut single = |name| query.single(&mut validation, name);
    let (flow_state, error) = (single("state"), single("error"));
    let (code, issuer) = (single("code"), single("iss"));
    validation.finish()?;
    let flow_state = flow_state.ok_or_else(Problem::one_time_token_invalid)?;
    let mut flow = String::new();
    let browser = |name: &str| {
        name.clone_into(&mut flow);
        request.cookie(&flow::cookie_name(&client, name)).map(|cookie| cookie.value().to_owned())
    };
    let outcome =
        state.identities.callback(&path.0, authorization_response(code, issuer, error), flow_state, browser);
    let (to, code) = match outcome.await? {
        CallbackOutcome::LogIn(return_to, code) => (return_to::with_code(&return_to, &code.code), Some(code)),
        CallbackOutcome::Linked(return_to) => (return_to.0, None),
        CallbackOutcome::UnknownProvider => return Err(flow::unknown_provider()),
        CallbackOutcome::Invalid => return Err(Problem::one_time_token_invalid()),
        CallbackOutcome::Taken => return Err(identity_taken()),
        CallbackOutcome::AnotherIsLinked => return Err(another_is_linked()),
        CallbackOutcome::Closed => return Err(Problem::registration_closed()),
        CallbackOutcome::Disabled => return Err(Problem::account_gone()),
        CallbackOutcome::Provider(error) => return Err(Problem::provider_failed(&path.0, &error)),
    };
    let mut cookie = flow::cookie(&path, &client, &flow, "");
    cookie.make_removal();
    let mut response = HttpResponse::Found();
    response.insert_header((LOCATION, to)).cookie(cookie);
    if let Some(LoginCode { name, binding: Some(binding), .. }) = &code {
        response.cookie(flow::code_cookie(&client, name, binding));
    }
    Ok(response.finish())
}

fn authorization_response<'a>(
    code: Option<&'a str>,
    issuer: Option<&'a str>,
    error: Option<&'a str>,
) -> Result<AuthorizationResponse<'a>, &'a str> {
    match (error, code) {
        (Some(error), _) => Err(error),
        (None, Some(code)) => Ok(AuthorizationResponse { code, issuer }),
        (None, None) => Err("the response has neither `code` nor `error`"),
    }
}

fn another_is_linked() -> Problem {
    Problem::new(
        ErrorCode::IdentityTaken,
        "Another login at this provider is linked to the account; unlink it first",
    )
}

fn identity_taken() -> Problem {
    Problem::new(
        ErrorCode::IdentityTaken,
        "This login or its email address belongs to another account; log in to that account and link the provider there",
    )
}
