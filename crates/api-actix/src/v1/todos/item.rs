//! `/api/v1/todos/{id}` and `/api/v1/todos/{id}/restore`

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::todo::Precondition;

use super::input::TodoPatch;
use super::response::single;
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, IfMatch, Int, Query, TodoPath, Validation, flag, if_none_match, number};
use crate::state::State;
use crate::wire::{Todo, changed_todo};

/// Get a todo
///
/// Returns one todo. A tombstone is found only with `include_deleted`.
#[utoipa::path(
    operation_id = "getTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("id" = uuid::Uuid, Path, description = "The todo's id"),
        ("include_deleted" = Option<bool>, Query, description = "Whether to return a tombstone"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy")
    ),
    responses(
        (status = 200, description = "The todo.", body = Todo, headers(("ETag" = String, description = "The todo's version."))),
        (status = 304, description = "The client's copy is current.", headers(("ETag" = String, description = "The todo's version.")))
    )
)]
#[get("/todos/{id}")]
pub(super) async fn get(
    state: web::Data<State>,
    caller: Caller,
    id: TodoPath,
    query: Query,
    request: HttpRequest,
) -> HandlerResult {
    let user = caller.may(Scope::TodosRead)?;
    let mut validation = Validation::default();
    let include_deleted = query.get(&mut validation, "include_deleted", flag).unwrap_or(false);
    validation.finish()?;
    let todo = state.todos.get(user, id.0, include_deleted).await?.ok_or_else(Problem::todo_not_found)?;
    let mut response = single(StatusCode::OK, &todo);
    if !if_none_match(&request, todo.version()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(CONTENT_TYPE);
        return Ok(response.drop_body().map_into_boxed_body());
    }
    Ok(response)
}

/// Update a todo
///
/// Changes the members that are present. With `version` or `If-Match`, the server refuses the update if the todo
/// has changed since that version, unless the update would change nothing. `If-Match` takes precedence.
#[utoipa::path(
    operation_id = "updateTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("id" = uuid::Uuid, Path, description = "The todo's id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` on which the update is based")
    ),
    request_body(content = TodoPatch, description = "The changes"),
    responses(
        (status = 200, description = "The updated todo.", body = Todo, headers(("ETag" = String, description = "The todo's version."))),
        (status = 409, description = "`CONFLICT_001`: the todo has changed since `version`; `details` has its current state. `QUOTA_001`: the account has too much text."),
        (status = 412, description = "`CONFLICT_002`: the todo has changed since `If-Match`; `details` has its current state.")
    )
)]
#[patch("/todos/{id}")]
pub(super) async fn update(
    state: web::Data<State>,
    caller: Caller,
    id: TodoPath,
    if_match: IfMatch,
    body: Body,
) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let mut validation = Validation::default();
    let patch = body.read::<TodoPatch<'_>>()?.parse(&mut validation);
    validation.finish()?;
    let (precondition, conflict) = precondition(if_match, patch.version);
    let outcome = state.todos.edit(user, id.0, precondition, patch.edit, patch.client_id).await?;
    let todo = changed_todo(outcome, conflict)?.ok_or_else(Problem::unexpected)?;
    Ok(single(StatusCode::OK, &todo))
}

/// Delete a todo
///
/// Turns the todo into a tombstone, from which other devices learn of the deletion. Repeating the request has
/// the same response.
#[utoipa::path(
    operation_id = "deleteTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("id" = uuid::Uuid, Path, description = "The todo's id"),
        ("version" = Option<i64>, Query, description = "The version on which the deletion is based",
         minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64),
        ("If-Match" = Option<String>, Header, description = "The `ETag` on which the deletion is based. Takes precedence over `version`")
    ),
    responses(
        (status = 204, description = "The todo is deleted."),
        (status = 409, description = "`CONFLICT_001`: the todo has changed since `version`; `details` has its current state."),
        (status = 412, description = "`CONFLICT_002`: the todo has changed since `If-Match`; `details` has its current state.")
    )
)]
#[delete("/todos/{id}")]
pub(super) async fn delete(
    state: web::Data<State>,
    caller: Caller,
    id: TodoPath,
    if_match: IfMatch,
    query: Query,
) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let mut validation = Validation::default();
    let version = query.get(&mut validation, "version", |text| number(text, -Int::MAX, Int::MAX));
    validation.finish()?;
    let (precondition, conflict) = precondition(if_match, version);
    changed_todo(state.todos.delete(user, id.0, precondition).await?, conflict)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Restore a todo
///
/// Turns a tombstone into a todo again. A todo that is not deleted remains unchanged.
#[utoipa::path(
    operation_id = "restoreTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The todo's id")),
    responses(
        (status = 200, description = "The restored todo.", body = Todo, headers(("ETag" = String, description = "The todo's version."))),
        (status = 409, description = "`QUOTA_001`: the account has too many todos, or too much text.")
    )
)]
#[post("/todos/{id}/restore")]
pub(super) async fn restore(state: web::Data<State>, caller: Caller, id: TodoPath) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let outcome = state.todos.restore(user, id.0).await?;
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    Ok(single(StatusCode::OK, &todo))
}

/// What must hold for a change, and the error code if it does not. `If-Match` takes precedence over `version`.
fn precondition(if_match: IfMatch, version: Option<i64>) -> (Precondition, ErrorCode) {
    match if_match {
        IfMatch::Absent | IfMatch::Any => (Precondition::version(version), ErrorCode::VersionMismatch),
        IfMatch::Versions(versions) => (Precondition::OneOf(versions), ErrorCode::PreconditionFailed),
    }
}
