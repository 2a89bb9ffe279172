//! `/api/v1/auth/oauth/{provider}/callback`, for providers that post the response.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::code::ErrorCode;
use url::form_urlencoded::Serializer;
use utoipa::ToSchema;

use super::flow;
use crate::error::{HandlerResult, Problem};
use crate::extract::{ProviderPath, read_form};
use crate::state::State;

/// The maximum size of the form, in bytes. A code, a state and a name fit many times.
const MAX_FORM: usize = 16 * 1024;

/// The members of the response that the callback reads. Apple's `user` is left out: a browser could
/// change it.
const MEMBERS: [&str; 4] = ["code", "state", "iss", "error"];

/// The response of a provider, as a form.
#[derive(Debug, ToSchema)]
#[schema(as = ProviderResponse)]
#[expect(dead_code, reason = "only the document uses it: the members go on unread")]
pub struct ProviderResponse {
    /// Identifies the flow.
    state: String,
    /// The provider's code.
    #[schema(required = false)]
    code: String,
    /// The provider's issuer identifier, if it sends one (RFC 9207).
    #[schema(required = false)]
    iss: String,
    /// Why the provider sends no code.
    #[schema(required = false)]
    error: String,
}

/// Return from a provider that posts a form
///
/// Apple sends its response as a form (OAuth 2.0 Form Post Response Mode). The browser does not
/// send the flow's cookie with a request from another site, so the response redirects it to the
/// same path with the form's members in the query.
#[utoipa::path(
    operation_id = "providerCallbackByPost",
    tag = "Authentication",
    params(("provider" = String, Path, description = "The provider's name")),
    request_body(content = ProviderResponse, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "A redirect to this path, with the members in the query.", headers(
            ("Location" = String, description = "This path with a query.")
        )),
        (status = 400, description = "`AUTH_008`: the form has no `state`. `VALIDATION_009`: it did not arrive whole, or is too large.")
    )
)]
#[post("/auth/oauth/{provider}/callback")]
pub(super) async fn callback_by_form(
    state: web::Data<State>,
    path: ProviderPath,
    request: HttpRequest,
    body: web::Payload,
) -> HandlerResult {
    if !state.identities.is_configured(&path.0) {
        return Err(flow::unknown_provider());
    }
    let arrived = read_form(&request, &state, body.into_inner(), MAX_FORM).await;
    let (form, _memory) = arrived.map_err(|problem| match problem.code() {
        ErrorCode::BodyNotJson | ErrorCode::TooLarge => {
            let message = format!("The form did not arrive whole, or is larger than {MAX_FORM} bytes");
            Problem::new(ErrorCode::BodyNotJson, message).with("max", MAX_FORM)
        }
        _ => problem,
    })?;
    let members: Vec<_> =
        url::form_urlencoded::parse(&form).filter(|(name, _)| MEMBERS.contains(&&**name)).collect();
    if !members.iter().any(|(name, _)| name == "state") {
        return Err(Problem::one_time_token_invalid());
    }
    let query = Serializer::new(String::new()).extend_pairs(members).finish();
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, format!("callback?{query}"))).finish())
}
