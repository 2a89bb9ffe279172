//! One todo: create, look at, change, delete.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, delete, get, post, put, web};
use domain::TodoId;
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::todo::Owned;
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::{Create, Item, Update};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, uuid};
use crate::shared::json;
use crate::wire::changed_todo;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create).service(get_one).service(update).service(remove);
}

/// Create a todo
///
/// Creates a todo that is not done.
#[utoipa::path(
    operation_id = "createTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    request_body(content = Create, description = "The todo"),
    responses(
        (status = 201, description = "It is created.", body = Item, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "`QUOTA_001`: there are too many todos.")
    )
)]
#[post("/todos")]
async fn create(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let mut checks = Checks::default();
    let parsed = body.read::<Create<'_>>()?.parse(&mut checks);
    let Some(new) = parsed else { return Err(checks.into()) };
    let outcome = api.todos.create(user, TodoId(api.secrets.uuid()), new, None).await?;
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    let mut response = json(StatusCode::CREATED, &Item::new(user, &todo));
    if let Ok(location) = format!("/todos/{}", todo.id()).parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Look at a todo
///
/// Gives one todo.
#[utoipa::path(
    operation_id = "getTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "Its id")),
    responses(
        (status = 200, description = "The todo.", body = Item),
        (status = 403, description = "`AUTHZ_001`: it is another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[get("/todos/{id}")]
async fn get_one(api: web::Data<Api>, caller: Caller, path: web::Path<String>) -> Answer {
    let user = caller.may(Scope::TodosRead)?;
    let id = id(&path)?;
    let todo = own(api.todos.get_owned(user, id).await?)?;
    Ok(json(StatusCode::OK, &Item::new(user, &todo)))
}

/// Change a todo
///
/// Changes the fields named.
#[utoipa::path(
    operation_id = "updateTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "Its id")),
    request_body(content = Update, description = "The changes"),
    responses(
        (status = 200, description = "The todo after the changes.", body = Item),
        (status = 403, description = "`AUTHZ_001`: it is another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[put("/todos/{id}")]
async fn update(api: web::Data<Api>, caller: Caller, path: web::Path<String>, body: Body) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let id = id(&path)?;
    let mut checks = Checks::default();
    let edit = body.read::<Update<'_>>()?.parse(&mut checks);
    checks.finish()?;
    let outcome = own(api.todos.edit_owned(user, id, edit).await?)?;
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    Ok(json(StatusCode::OK, &Item::new(user, &todo)))
}

/// Delete a todo
///
/// Deletes a todo. What is deleted is not found any more.
#[utoipa::path(
    operation_id = "deleteTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "Its id")),
    responses(
        (status = 204, description = "It is deleted."),
        (status = 403, description = "`AUTHZ_001`: it is another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[delete("/todos/{id}")]
async fn remove(api: web::Data<Api>, caller: Caller, path: web::Path<String>) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let id = id(&path)?;
    changed_todo(own(api.todos.delete_owned(user, id).await?)?, ErrorCode::VersionMismatch)?;
    Ok(HttpResponse::NoContent().finish())
}

/// What is no UUID names no todo.
fn id(text: &str) -> Result<TodoId, Problem> {
    uuid(text).map(TodoId).ok_or_else(Problem::todo_not_found)
}

fn own<T>(owned: Owned<T>) -> Result<T, Problem> {
    match owned {
        Owned::Own(found) => Ok(found),
        Owned::AnotherUsers => Err(Problem::new(ErrorCode::NotYours, "This todo is another user's")),
        Owned::Missing => Err(Problem::todo_not_found()),
    }
}
