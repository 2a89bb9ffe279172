//! `/api/{user_id}/tasks`: the tasks of the user in the path, who must be the caller.

use actix_web::{delete, get, patch, post, put, web};
use domain::code::ErrorCode;
use domain::session::{Principal, Scope};
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::{Create, Task, Update};
use super::window::{TaskStatus, Window};
use super::{list, operations};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, Query, uuid};
use crate::state::State;
use crate::wire::Message;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_tasks)
        .service(create)
        .service(get_one)
        .service(update)
        .service(toggle)
        .service(remove);
}

/// The caller, if `user_id` is the caller's id or token subject and the token has the scope.
fn own<'a>(caller: &'a Caller, user_id: &str, scope: Scope) -> Result<&'a Principal, Problem> {
    let principal = &caller.0;
    if user_id != principal.subject && uuid(user_id) != Some(principal.user.0) {
        return Err(Problem::new(ErrorCode::NotYours, "These tasks belong to another user"));
    }
    caller.may(scope)?;
    Ok(principal)
}

/// List a user's tasks
///
/// Returns all tasks of the user, the newest first.
#[utoipa::path(
    operation_id = "listUserTasks",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("status" = Option<TaskStatus>, Query, description = "The status of the tasks; `all` by default")
    ),
    responses(
        (status = 200, description = "The tasks.", body = Vec<Task>,
         headers(("X-Total-Count" = u64, description = "The number of tasks with that status."))),
        (status = 403, description = "`AUTHZ_001`: the tasks belong to another user. `AUTHZ_002`: the token lacks the scope.")
    )
)]
#[get("/api/{user_id}/tasks")]
async fn list_tasks(
    state: web::Data<State>,
    caller: Caller,
    user_id: web::Path<String>,
    query: Query,
) -> HandlerResult {
    let principal = own(&caller, &user_id, Scope::TodosRead)?;
    list::list(&state, principal, Window::unlimited(&query)?).await
}

/// Create a task for a user
///
/// Creates a task that is not completed.
#[utoipa::path(
    operation_id = "createUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(("user_id" = String, Path, description = "The caller's id")),
    request_body(content = Create, description = "The task"),
    responses(
        (status = 201, description = "The task is created.", body = Task, headers(("Location" = String, description = "The path of the task."))),
        (status = 403, description = "`AUTHZ_001`: the tasks belong to another user. `AUTHZ_002`: the token lacks the scope."),
        (status = 409, description = "`QUOTA_001`: the account has too many tasks, or too much text.")
    )
)]
#[post("/api/{user_id}/tasks")]
async fn create(
    state: web::Data<State>,
    caller: Caller,
    user_id: web::Path<String>,
    body: Body,
) -> HandlerResult {
    let principal = own(&caller, &user_id, Scope::TodosWrite)?;
    let new = body.read::<Create<'_>>()?.parse()?;
    operations::create(&state, principal, new, &format!("/api/{}/tasks", principal.user)).await
}

/// Get a user's task
///
/// Returns one task.
#[utoipa::path(
    operation_id = "getUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("task_id" = i64, Path, minimum = 1, description = "The task's id")
    ),
    responses(
        (status = 200, description = "The task.", body = Task),
        (status = 403, description = "`AUTHZ_001`: the tasks belong to another user. `AUTHZ_002`: the token lacks the scope.")
    )
)]
#[get("/api/{user_id}/tasks/{task_id}")]
async fn get_one(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<(String, String)>,
) -> HandlerResult {
    let principal = own(&caller, &path.0, Scope::TodosRead)?;
    operations::get(&state, principal, &path.1).await
}

/// Update a user's task
///
/// Changes the members that are present.
#[utoipa::path(
    operation_id = "updateUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("task_id" = i64, Path, minimum = 1, description = "The task's id")
    ),
    request_body(content = Update, description = "The changes"),
    responses(
        (status = 200, description = "The updated task.", body = Task),
        (status = 403, description = "`AUTHZ_001`: the tasks belong to another user. `AUTHZ_002`: the token lacks the scope."),
        (status = 409, description = "`QUOTA_001`: the account has too much text.")
    )
)]
#[put("/api/{user_id}/tasks/{task_id}")]
async fn update(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<(String, String)>,
    body: Body,
) -> HandlerResult {
    let principal = own(&caller, &path.0, Scope::TodosWrite)?;
    let edit = body.read::<Update<'_>>()?.parse()?;
    operations::edit(&state, principal, &path.1, edit).await
}

/// Toggle a user's task
///
/// Completes the task if it is not completed, and reopens it if it is. The request has no body.
#[utoipa::path(
    operation_id = "toggleUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("task_id" = i64, Path, minimum = 1, description = "The task's id")
    ),
    responses(
        (status = 200, description = "The updated task.", body = Task),
        (status = 403, description = "`AUTHZ_001`: the tasks belong to another user. `AUTHZ_002`: the token lacks the scope.")
    )
)]
#[patch("/api/{user_id}/tasks/{task_id}/complete")]
async fn toggle(state: web::Data<State>, caller: Caller, path: web::Path<(String, String)>) -> HandlerResult {
    let principal = own(&caller, &path.0, Scope::TodosWrite)?;
    operations::toggle(&state, principal, &path.1).await
}

/// Delete a user's task
///
/// Deletes a task. Its id is never reused.
#[utoipa::path(
    operation_id = "deleteUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("task_id" = i64, Path, minimum = 1, description = "The task's id")
    ),
    responses(
        (status = 200, description = "The task is deleted.", body = Message),
        (status = 403, description = "`AUTHZ_001`: the tasks belong to another user. `AUTHZ_002`: the token lacks the scope.")
    )
)]
#[delete("/api/{user_id}/tasks/{task_id}")]
async fn remove(state: web::Data<State>, caller: Caller, path: web::Path<(String, String)>) -> HandlerResult {
    let principal = own(&caller, &path.0, Scope::TodosWrite)?;
    operations::delete(&state, principal, &path.1).await
}
