//! `/api/v1/auth/oauth/{provider}/callback`, for providers that post the response.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, post, web};
use domain::code::ErrorCode;
use tokio::time::timeout;
use url::form_urlencoded::Serializer;

use crate::error::{HandlerResult, Problem};
use crate::extract::ProviderPath;
use crate::state::State;

/// The maximum size of the form, in bytes. A code, a state and a name fit many times.
const MAX_FORM: usize = 16 * 1024;

/// The members of the response that the callback reads. Apple's `user` is left out: a browser could
/// change it.
const MEMBERS: [&str; 4] = ["code", "state", "iss", "error"];

/// Return from a provider that posts a form
///
/// Apple sends its response as a form (OAuth 2.0 Form Post Response Mode). The browser does not
/// send the flow's cookie with a request from another site, so the response redirects it to the
/// same path with the form's members in the query.
#[utoipa::path(
    operation_id = "comeBackFromProviderByPost",
    tag = "Authentication",
    params(("provider" = String, Path, description = "The provider's name")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`code`, `state`, `iss` and `error`, as in the query of the GET request."),
    responses(
        (status = 303, description = "A redirect to this path, with the members in the query.", headers(
            ("Location" = String, description = "This path with a query.")
        )),
        (status = 400, description = "`VALIDATION_009`: the form did not arrive whole, or is too large.")
    )
)]
#[post("/auth/oauth/{provider}/callback")]
pub(super) async fn callback_by_form(
    state: web::Data<State>,
    _: ProviderPath,
    body: web::Payload,
) -> HandlerResult {
    let arrived = timeout(state.settings.timeouts.body, body.to_bytes_limited(MAX_FORM)).await;
    let Ok(Ok(Ok(form))) = arrived else {
        let message = format!("The form did not arrive whole, or is larger than {MAX_FORM} bytes");
        return Err(Problem::new(ErrorCode::BodyNotJson, message).with("max", MAX_FORM));
    };
    let members = url::form_urlencoded::parse(&form).filter(|(name, _)| MEMBERS.contains(&&**name));
    let query = Serializer::new(String::new()).extend_pairs(members).finish();
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, format!("callback?{query}"))).finish())
}
