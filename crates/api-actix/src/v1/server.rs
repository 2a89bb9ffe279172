//! `/api/v1/server`: what a client asks first.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{get, web};
use domain::StoreError;
use domain::account::Registration as Policy;
use domain::sync::Epoch;
use domain::todo::{Description as DescriptionText, Metadata, MetadataKey, MetadataValue, Title};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::error::HandlerResult;
use crate::state::State;
use crate::wire::json;

/// How old the epoch may be.
const EPOCH_AGE: Duration = Duration::from_secs(1);

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
    /// The epoch of the database: another one means that it may have lost changes. The epoch that a sync
    /// returns may have a counter after it.
    #[schema(value_type = String, example = "5d2b1c9e-3f60-4a5c-8f9e-0c1d2e3f4a5b")]
    epoch: &'a str,
}

/// Who may create an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Registration {
    Open,
    /// With an invitation of the operator.
    Invite,
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

/// The limits of requests and of texts. A client should split a request that exceeds them.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    /// Bytes of a request body.
    #[schema(example = 2_097_152)]
    body_bytes: usize,
    /// Todos in one sync request.
    #[schema(example = 1000)]
    batch_todos: usize,
    /// Todos in one bulk creation.
    #[schema(example = 10_000)]
    bulk_todos: usize,
    /// Todos on one page of a list.
    #[schema(example = 100)]
    page_size: u32,
    /// Characters of a todo's text.
    #[schema(example = 500)]
    text_chars: usize,
    /// Characters of a description.
    #[schema(example = 10_000)]
    description_chars: usize,
    metadata: MetadataLimits,
}

/// The limits of a todo's metadata.
#[derive(Debug, Serialize, ToSchema)]
struct MetadataLimits {
    /// Keys of one todo.
    #[schema(example = 50)]
    keys: usize,
    /// Characters of a key.
    #[schema(example = 64)]
    key_chars: usize,
    /// Characters of a value as canonical JSON.
    #[schema(example = 2000)]
    value_chars: usize,
    /// Bytes of all keys and values of one todo.
    #[schema(example = 8192)]
    bytes: usize,
}

/// Describe the server
///
/// Returns the version of the server, whether it accepts registrations, the ways to log in, its limits, and
/// the epoch of its database.
#[utoipa::path(
    operation_id = "describeServer",
    tag = "Authentication",
    responses((status = 200, description = "The description.", body = Description))
)]
#[get("/server")]
pub(super) async fn describe_server(state: web::Data<State>) -> HandlerResult {
    let epoch = epoch(&state).await?;
    let policy = state.accounts.policy();
    let settings = &state.settings;
    let description = Description {
        version: env!("CARGO_PKG_VERSION"),
        registration: match policy.registration {
            Policy::Open => Registration::Open,
            Policy::Invite => Registration::Invite,
            Policy::Closed => Registration::Closed,
        },
        logins: Logins {
            password: policy.passwords,
            magic_link: policy.mail,
            providers: state.identities.providers().map(|(name, _)| name).collect(),
        },
        limits: Limits {
            body_bytes: settings.body_limit,
            batch_todos: settings.batch_limit,
            bulk_todos: settings.bulk_limit,
            page_size: settings.page_limit,
            text_chars: Title::MAX,
            description_chars: DescriptionText::MAX,
            metadata: MetadataLimits {
                keys: Metadata::MAX_KEYS,
                key_chars: MetadataKey::MAX,
                value_chars: MetadataValue::MAX,
                bytes: Metadata::MAX_BYTES,
            },
        },
        epoch: epoch.as_str(),
    };
    Ok(json(StatusCode::OK, &description))
}

/// The epoch, at most [`EPOCH_AGE`] old. Anyone may ask, as often as they like: concurrent requests
/// wait for one reading.
async fn epoch(state: &State) -> Result<Epoch, StoreError> {
    let mut known = state.described_epoch.lock().await;
    if let Some((read_at, epoch)) = &*known
        && read_at.elapsed() < EPOCH_AGE
    {
        return Ok(epoch.clone());
    }
    let epoch = state.sync.epoch().await?;
    *known = Some((Instant::now(), epoch.clone()));
    Ok(epoch)
}
