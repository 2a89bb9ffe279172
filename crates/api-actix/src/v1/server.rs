//! `/api/v1/server`: what a client asks first.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::State;
use crate::wire::json;

/// What this server offers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServerDescription)]
struct Description<'a> {
    /// The version of the server.
    #[schema(example = "1.0.0")]
    version: &'static str,
    registration: Registration,
    logins: Logins<'a>,
    limits: Limits,
}

/// Who may create an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Registration {
    Open,
    Closed,
}

/// The ways to log in.
#[derive(Debug, Serialize, ToSchema)]
struct Logins<'a> {
    /// Whether a password logs in.
    password: bool,
    /// Whether a link in an email logs in.
    magic_link: bool,
    /// The names of the OAuth providers in paths.
    #[schema(example = json!(["google"]))]
    providers: Vec<&'a str>,
}

/// The limits of one request. A client should split what exceeds them.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    /// Bytes of a request body.
    #[schema(example = 2_097_152)]
    body_bytes: usize,
    /// Todos in one sync request.
    #[schema(example = 1000)]
    batch_todos: usize,
    /// Todos on one page of a list.
    #[schema(example = 100)]
    page_size: u32,
}

/// Describe the server
///
/// Returns the version of the server, whether it accepts registrations, the ways to log in, and its
/// limits.
#[utoipa::path(
    operation_id = "describeServer",
    tag = "Authentication",
    responses((status = 200, description = "The description.", body = Description))
)]
#[get("/server")]
pub(super) async fn describe_server(state: web::Data<State>) -> HttpResponse {
    let policy = state.accounts.policy();
    let settings = &state.settings;
    let description = Description {
        version: env!("CARGO_PKG_VERSION"),
        registration: if policy.registration { Registration::Open } else { Registration::Closed },
        logins: Logins {
            password: policy.passwords,
            magic_link: true,
            providers: state.identities.providers().map(|(name, _)| name).collect(),
        },
        limits: Limits {
            body_bytes: settings.body_limit,
            batch_todos: settings.batch_limit,
            page_size: settings.page_limit,
        },
    };
    json(StatusCode::OK, &description)
}
