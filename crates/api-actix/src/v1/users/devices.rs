//! `/api/v1/users/me/devices`: the caller's sessions, each presented as a device.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, web};
use domain::session::{Scope, Session};
use domain::text::ClientId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{HandlerResult, Problem};
use crate::extract::{Caller, DevicePath};
use crate::rfc3339::Rfc3339;
use crate::state::State;
use crate::wire::json;

/// A device with an open session.
#[derive(Debug, Serialize, ToSchema)]
struct Device<'a> {
    /// The id of the session.
    id: Uuid,
    /// The name of the device.
    #[schema(required = true, max_length = 100, example = "phone")]
    client_id: Option<&'a str>,
    /// The `User-Agent` of the device.
    #[schema(required = true, max_length = 400, example = "Mozilla/5.0")]
    user_agent: Option<&'a str>,
    /// The last IP address of the device.
    #[schema(required = true, value_type = Option<String>, example = "192.0.2.1")]
    ip: Option<IpAddr>,
    /// The time of the login.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Rfc3339,
    /// The time of the last refresh.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    last_used_at: Rfc3339,
    /// Whether this device sent the request.
    #[schema(example = true)]
    current: bool,
}

impl<'a> Device<'a> {
    fn of(session: &'a Session, caller: &Caller) -> Self {
        Self {
            id: session.id.0,
            client_id: session.device.client_id.as_ref().map(ClientId::as_str),
            user_agent: session.device.user_agent.as_deref(),
            ip: session.device.ip,
            created_at: Rfc3339(session.created_at),
            last_used_at: Rfc3339(session.last_used_at),
            current: caller.0.session == Some(session.id),
        }
    }
}

/// List the devices
///
/// Returns the caller's open sessions, the most recently used first.
#[utoipa::path(
    operation_id = "listDevices",
    tag = "Users",
    security(("bearer" = [])),
    responses((status = 200, description = "The devices with an open session.", body = Vec<Device>))
)]
#[get("/users/me/devices")]
pub(super) async fn list_devices(state: web::Data<State>, caller: Caller) -> HandlerResult {
    let sessions = state.sessions.devices(caller.may(Scope::Account)?).await?;
    let devices: Vec<_> = sessions.iter().map(|session| Device::of(session, &caller)).collect();
    Ok(json(StatusCode::OK, &devices))
}

/// Log a device out
///
/// Ends the session of the device, with its access tokens and open sockets.
#[utoipa::path(
    operation_id = "revokeDevice",
    tag = "Users",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The device's id")),
    responses(
        (status = 204, description = "The device is logged out."),
        (status = 404, description = "`RESOURCE_002`: the device does not exist.")
    )
)]
#[delete("/users/me/devices/{id}")]
pub(super) async fn end_device(state: web::Data<State>, caller: Caller, path: DevicePath) -> HandlerResult {
    let user = caller.may(Scope::Account)?;
    if state.sessions.end_device(user, path.0).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::not_found("device"))
    }
}
