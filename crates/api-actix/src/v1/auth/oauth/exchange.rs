//! `/api/v1/auth/oauth/exchange`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, post, web};
use domain::identity::ExchangeOutcome;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::tokens::{self, TokenResponse};
use super::flow;
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Client, Member, Text, Validation};
use crate::state::State;
use crate::wire::{as_is, client_id};

/// The one-time code of a login.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"code": "m3cVz0Nn5Vw1m0YQ0b0b1l2yq2m3u4r5s6t7u8v9w0x", "client_id": "laptop"}))]
struct ExchangeRequest<'a> {
    /// The code in the URL of the frontend.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = true)]
    code: Member<Text<'a>>,
    /// The secret whose SHA-256 was the `code_challenge` of the login. Without a challenge, the
    /// browser's cookie counts.
    #[schema(value_type = Option<String>, min_length = 43, max_length = 128)]
    #[serde(default)]
    code_verifier: Member<Text<'a>>,
    /// The name of the device.
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default)]
    client_id: Member<Text<'a>>,
}

/// Exchange a code for tokens
///
/// Accepts the code of a login once, within a minute, from the client that began the login: with
/// the verifier of its challenge, or with the cookie that the redirect has set. A page of an
/// allowed origin also receives the refresh token as a cookie.
#[utoipa::path(
    operation_id = "exchangeOAuthCode",
    tag = "Authentication",
    request_body(content = ExchangeRequest, description = "The code"),
    responses(
        (status = 200, description = "The user is logged in.", body = TokenResponse),
        (status = 400, description = "`AUTH_008`: the code is unknown, used or expired, or the client is not the one that began the login. `VALIDATION_009`: the body is not JSON."),
        (status = 401, description = "`AUTH_007`: the account no longer exists or is disabled.")
    )
)]
#[post("/auth/oauth/exchange")]
pub(in crate::v1::auth) async fn exchange(
    state: web::Data<State>,
    client: Client,
    request: HttpRequest,
    body: Body,
) -> HandlerResult {
    let input: ExchangeRequest<'_> = body.read()?;
    let mut validation = Validation::default();
    let code = validation.required("code", input.code, as_is);
    let verifier = validation.optional("code_verifier", input.code_verifier, as_is);
    let client_id = validation.optional("client_id", input.client_id, client_id);
    let (Some(code), true) = (code, validation.is_ok()) else { return Err(validation.into()) };
    let verifier = verifier.as_ref().map(|text| text.0.as_ref());
    let browser = |name: &str| {
        request.cookie(&flow::code_cookie_name(&client, name)).map(|cookie| cookie.value().to_owned())
    };
    match state.identities.exchange(&code.0, verifier, browser, client.device(client_id)).await? {
        ExchangeOutcome::Done(login) => Ok(tokens::response(StatusCode::OK, &login, &client, &state)),
        ExchangeOutcome::Invalid => Err(Problem::one_time_token_invalid()),
        ExchangeOutcome::Disabled => Err(Problem::account_gone()),
    }
}
