//! `/api/v1/auth/oauth/{provider}/login`

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, get, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::identity::{CodeChallenge, FlowStart};
use domain::session::TokenHash;
use utoipa::{PartialSchema as _, ToSchema};

use super::flow;
use crate::error::HandlerResult;
use crate::extract::{Client, FieldError, ProviderPath, Query, Validation, word};
use crate::schema::NamedSchema;
use crate::state::State;

/// How a challenge follows from its verifier (RFC 7636). The method `plain` is not accepted: it would show the
/// verifier to everyone who sees the URL.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the word of `METHODS` in the document")]
enum CodeChallengeMethod {
    /// The SHA-256 of the verifier, in base64url without padding.
    S256,
}

const METHODS: [(&str, ()); 1] = [("S256", ())];

/// The schema of a query parameter.
pub fn parameter_schema() -> NamedSchema {
    (CodeChallengeMethod::name().into_owned(), CodeChallengeMethod::schema())
}

/// Log in with a provider
///
/// Redirects the browser to the provider. The provider redirects it to the callback, and the
/// callback to `redirect_to` with a one-time `code`.
#[utoipa::path(
    operation_id = "logInWithProvider",
    tag = "Authentication",
    params(
        ("provider" = String, Path, description = "The provider's name"),
        ("redirect_to" = Option<String>, Query, max_length = 2000,
         description = "The URL to return to: a page of the frontend or of an allowed origin; the frontend by default"),
        ("code_challenge" = Option<String>, Query, min_length = 43, max_length = 43,
         description = "The SHA-256 of a secret, in base64url without padding (RFC 7636, method S256). The exchange then requires the secret as `code_verifier`; otherwise, a cookie that the redirect sets"),
        ("code_challenge_method" = Option<CodeChallengeMethod>, Query,
         description = "The method of the `code_challenge`, which it needs; `S256` by default")
    ),
    responses(
        (status = 302, description = "A redirect to the provider.", headers(
            ("Location" = String, description = "The provider's page."),
            ("Set-Cookie" = String, description = "Binds the login to this browser.")
        )),
        (status = 404, description = "`RESOURCE_002`: the provider does not exist."),
        (status = 502, description = "`AUTH_010`: the provider is not available at the moment.")
    )
)]
#[get("/auth/oauth/{provider}/login")]
pub(super) async fn log_in(
    state: web::Data<State>,
    path: ProviderPath,
    client: Client,
    query: Query,
) -> HandlerResult {
    let mut validation = Validation::default();
    let return_to = flow::return_to(&state, &query, &mut validation);
    let method = query.get(&mut validation, "code_challenge_method", |text| word(text, &METHODS));
    let challenge = match method {
        // The client relies on a challenge that the server did not get.
        Some(()) => query.required(&mut validation, "code_challenge", code_challenge),
        None => query.get(&mut validation, "code_challenge", code_challenge),
    };
    validation.finish()?;
    let start = FlowStart { return_to, link: None, challenge, ip: client.ip };
    let started = flow::started(state.identities.start(&path.0, start).await?, &path)?;
    Ok(HttpResponse::Found()
        .insert_header((LOCATION, started.url))
        .cookie(flow::cookie(&path, &client, &started.flow, &started.binding))
        .finish())
}

fn code_challenge(text: &str) -> Result<CodeChallenge, FieldError> {
    let hash = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    let problem = || FieldError::invalid("must be a SHA-256 in base64url without padding: 43 characters");
    hash.map(|hash| CodeChallenge(TokenHash(hash))).ok_or_else(problem)
}
