//! The caller's sessions, each shown as a device.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, web};
use domain::session::{Scope, Session};
use domain::text;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Caller, DevicePath};
use crate::moment::Moment;
use crate::shared::json;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_devices).service(end_device);
}

/// A device that is logged in.
#[derive(Debug, Serialize, ToSchema)]
struct Device<'a> {
    /// The id of its session.
    id: Uuid,
    /// The name it gives itself.
    #[schema(required = true, max_length = 100, example = "phone")]
    client_id: Option<&'a str>,
    /// Its `User-Agent`.
    #[schema(required = true, max_length = 400, example = "Mozilla/5.0")]
    user_agent: Option<&'a str>,
    /// The address it was last seen at.
    #[schema(required = true, value_type = Option<String>, example = "192.0.2.1")]
    ip: Option<IpAddr>,
    /// When it logged in.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    created_at: Moment,
    /// When it last refreshed its tokens.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    last_used_at: Moment,
    /// Whether it is the one that asks.
    #[schema(example = true)]
    current: bool,
}

impl<'a> Device<'a> {
    fn of(session: &'a Session, caller: &Caller) -> Self {
        Self {
            id: session.id.0,
            client_id: session.device.client_id.as_ref().map(text::ClientId::as_str),
            user_agent: session.device.user_agent.as_deref(),
            ip: session.device.ip,
            created_at: Moment(session.created_at),
            last_used_at: Moment(session.last_used_at),
            current: caller.0.session == Some(session.id),
        }
    }
}

/// List the devices
///
/// The caller's sessions, the last used first.
#[utoipa::path(
    operation_id = "listDevices",
    tag = "Users",
    security(("bearer" = [])),
    responses((status = 200, description = "The devices that are logged in.", body = Vec<Device>))
)]
#[get("/users/me/devices")]
async fn list_devices(api: web::Data<Api>, caller: Caller) -> Answer {
    let sessions = api.sessions.devices(caller.may(Scope::Account)?).await?;
    let devices: Vec<_> = sessions.iter().map(|session| Device::of(session, &caller)).collect();
    Ok(json(StatusCode::OK, &devices))
}

/// Log a device out
///
/// Ends its session. Its access tokens end with it, and so do its open sockets.
#[utoipa::path(
    operation_id = "endDevice",
    tag = "Users",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The device's id")),
    responses(
        (status = 204, description = "It is logged out."),
        (status = 404, description = "`RESOURCE_002`: there is no such device.")
    )
)]
#[delete("/users/me/devices/{id}")]
async fn end_device(api: web::Data<Api>, caller: Caller, path: DevicePath) -> Answer {
    let user = caller.may(Scope::Account)?;
    if api.sessions.end_device(user, path.0).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::not_found("device"))
    }
}
