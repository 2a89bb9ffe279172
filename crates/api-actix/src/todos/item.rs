//! `/todos/{id}`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, put, web};
use domain::TodoId;
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::todo::Owned;

use super::dto::{Item, Update};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, uuid};
use crate::state::State;
use crate::wire::{changed_todo, json};

/// Get a todo
///
/// Returns one todo.
#[utoipa::path(
    operation_id = "getTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The todo's id")),
    responses(
        (status = 200, description = "The todo.", body = Item),
        (status = 403, description = "`AUTHZ_001`: the todo belongs to another user. `AUTHZ_002`: the token lacks the scope.")
    )
)]
#[get("/todos/{id}")]
pub(super) async fn get(state: web::Data<State>, caller: Caller, path: web::Path<String>) -> HandlerResult {
    let user = caller.may(Scope::TodosRead)?;
    let todo = own(state.todos.get_owned(user, id(&path)?).await?)?;
    Ok(json(StatusCode::OK, &Item::new(user, &todo)))
}

/// Update a todo
///
/// Changes the members that are present.
#[utoipa::path(
    operation_id = "updateTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The todo's id")),
    request_body(content = Update, description = "The changes"),
    responses(
        (status = 200, description = "The updated todo.", body = Item),
        (status = 403, description = "`AUTHZ_001`: the todo belongs to another user. `AUTHZ_002`: the token lacks the scope."),
        (status = 409, description = "`QUOTA_001`: the account has too much text.")
    )
)]
#[put("/todos/{id}")]
pub(super) async fn update(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let id = id(&path)?;
    let edit = body.read::<Update<'_>>()?.parse()?;
    let outcome = own(state.todos.edit_owned(user, id, edit).await?)?;
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    Ok(json(StatusCode::OK, &Item::new(user, &todo)))
}

/// Delete a todo
///
/// Deletes a todo. A deleted todo is not found any more.
#[utoipa::path(
    operation_id = "deleteTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The todo's id")),
    responses(
        (status = 204, description = "The todo is deleted."),
        (status = 403, description = "`AUTHZ_001`: the todo belongs to another user. `AUTHZ_002`: the token lacks the scope.")
    )
)]
#[delete("/todos/{id}")]
pub(super) async fn delete(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<String>,
) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let outcome = own(state.todos.delete_owned(user, id(&path)?).await?)?;
    changed_todo(outcome, ErrorCode::VersionMismatch)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Parses a todo's id. If it is not a UUID, no such todo exists.
fn id(text: &str) -> Result<TodoId, Problem> {
    uuid(text).map(TodoId).ok_or_else(Problem::todo_not_found)
}

fn own<T>(owned: Owned<T>) -> Result<T, Problem> {
    match owned {
        Owned::Own(found) => Ok(found),
        Owned::AnotherUsers => Err(Problem::new(ErrorCode::NotYours, "This todo belongs to another user")),
        Owned::Missing => Err(Problem::todo_not_found()),
    }
}
