//! The exchange with a device.

mod request;
mod response;

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::UserId;
use domain::session::Scope;
use domain::sync::SyncOutcome;
use utoipa_actix_web::service_config::ServiceConfig;

use super::super::json;
use super::list::resync_required;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller};
use crate::turns::{Heavy, in_turn};

use request::Request;
use response::Response;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(sync);
}

/// Sync a device
///
/// Takes what the device changed, each todo for itself and all in one transaction, and gives what it has not seen yet. Safe to repeat:
/// what is in place already is not done twice.
#[utoipa::path(
    operation_id = "syncTodos",
    tag = "Sync",
    security(("bearer" = [])),
    request_body(content = Request, description = "The changes and the cursor"),
    responses(
        (status = 200, description = "What became of the changes, and what is new.", body = Response),
        (status = 410, description = "`SYNC_001`: the cursor can't be continued; nothing was written.")
    )
)]
#[post("/todos/sync")]
async fn sync(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let user = caller.may(Scope::TodosRead).and_then(|_| caller.may(Scope::TodosWrite))?;
    let exchange = exchange(api.clone(), user, body);
    in_turn(&api, &caller.0, Heavy::Read, exchange).await
}

async fn exchange(api: web::Data<Api>, user: UserId, body: Body) -> Answer {
    let (request, sent, rejected) = body.read::<Request<'_>>()?.parse(&api)?;
    let answer = match api.sync.sync(user, request).await? {
        SyncOutcome::Done(answer) => answer,
        SyncOutcome::StaleCursor => return Err(resync_required()),
        SyncOutcome::NoSuchUser => return Err(Problem::account_gone()),
    };
    Ok(json(StatusCode::OK, &Response::new(&answer, &sent, rejected)))
}
