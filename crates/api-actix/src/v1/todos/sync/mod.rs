//! `/api/v1/todos/sync`

mod item;
mod request;
mod response;

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::UserId;
use domain::session::Scope;
use domain::sync::SyncOutcome;
use metrics::counter;

use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller};
use crate::state::State;
use crate::wire::{json, resync_required, with_memory};

use request::Request;
use response::Response;

/// Sync a device
///
/// Applies the changes of the device, each todo on its own but all in one transaction, and returns the changes
/// that the device does not have. The request is safe to repeat: a change that is already in place is not applied
/// again.
#[utoipa::path(
    operation_id = "syncTodos",
    tag = "Sync",
    security(("bearer" = [])),
    request_body(content = Request, description = "The changes and the cursor"),
    responses(
        (status = 200, description = "The result of each change, and the changes on the server.", body = Response),
        (status = 410, description = "`SYNC_001`: the server cannot continue from the cursor. Nothing was written. `details` has the `reason`: `restored` if the server lost what it acknowledged after `restored_to`, or `forgotten` if the cursor is older than the deletions that the server remembers; and the `epoch` and the `horizon` of the server.")
    )
)]
#[post("/todos/sync")]
pub(super) async fn sync(state: web::Data<State>, caller: Caller, mut body: Body) -> HandlerResult {
    let user = caller.may(Scope::TodosRead).and_then(|_| caller.may(Scope::TodosWrite))?;
    let (upload, shared) = ((body.is_large(), body.take_turn()), state.clone());
    state.run_batch(&caller.0, upload, move || exchange(shared, user, body)).await
}

async fn exchange(state: web::Data<State>, user: UserId, body: Body) -> HandlerResult {
    let memory = state.reserve_part(user).await?;
    let (request, sent, rejected) = body.read::<Request<'_>>()?.parse(&state)?;
    let begins_repair = request.begins_repair();
    let answer = match state.sync.sync(user, request).await? {
        SyncOutcome::Done(answer) => answer,
        SyncOutcome::StaleCursor(cursor) => return Err(resync_required(&cursor)),
        SyncOutcome::NoSuchUser => return Err(Problem::account_gone()),
    };
    let response = Response::new(&answer, &sent, rejected);
    response.count();
    if begins_repair {
        counter!("sync_repairs_total").increment(1);
    }
    Ok(with_memory(json(StatusCode::OK, &response), memory))
}
