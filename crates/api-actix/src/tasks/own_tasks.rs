//! `/api/tasks`: the tasks of the user whom the token identifies. The token may come from a configured
//! external issuer.

use actix_web::{delete, get, patch, post, put, web};
use domain::session::Scope;
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::{Completion, Create, Replace, Task};
use super::window::{TaskStatus, Window};
use super::{list, operations};
use crate::error::HandlerResult;
use crate::extract::{Body, Caller, Query};
use crate::state::State;
use crate::wire::Message;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_tasks)
        .service(create)
        .service(get_one)
        .service(replace)
        .service(complete)
        .service(remove);
}

/// List tasks
///
/// Returns the caller's tasks, the newest first; all of them if the request has no limit.
#[utoipa::path(
    operation_id = "listTasks",
    tag = "Task contract",
    security(("bearer" = [])),
    params(
        ("status" = Option<TaskStatus>, Query, description = "The status of the tasks; `all` by default"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "The largest number of tasks to return; all by default"),
        ("offset" = Option<i64>, Query, minimum = 0, maximum = 9_007_199_254_740_991i64, description = "The number of tasks to skip; 0 by default")
    ),
    responses(
        (status = 200, description = "The tasks.", body = Vec<Task>,
         headers(("X-Total-Count" = u64, description = "The number of tasks with that status.")))
    )
)]
#[get("/api/tasks")]
async fn list_tasks(state: web::Data<State>, caller: Caller, query: Query) -> HandlerResult {
    caller.may(Scope::TodosRead)?;
    list::list(&state, &caller.0, Window::limited(&query)?).await
}

/// Create a task
///
/// Creates a task that is not completed.
#[utoipa::path(
    operation_id = "createTask",
    tag = "Task contract",
    security(("bearer" = [])),
    request_body(content = Create, description = "The task"),
    responses(
        (status = 201, description = "The task is created.", body = Task, headers(("Location" = String, description = "The path of the task."))),
        (status = 409, description = "`QUOTA_001`: the account has too many tasks, or too much text.")
    )
)]
#[post("/api/tasks")]
async fn create(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    caller.may(Scope::TodosWrite)?;
    let new = body.read::<Create<'_>>()?.parse()?;
    operations::create(&state, &caller.0, new, "/api/tasks").await
}

/// Get a task
///
/// Returns one task. Tasks of other users are not found.
#[utoipa::path(
    operation_id = "getTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The task's id")),
    responses((status = 200, description = "The task.", body = Task))
)]
#[get("/api/tasks/{id}")]
async fn get_one(state: web::Data<State>, caller: Caller, id: web::Path<String>) -> HandlerResult {
    caller.may(Scope::TodosRead)?;
    operations::get(&state, &caller.0, &id).await
}

/// Update a task
///
/// Sets the title, and changes the other members that are present.
#[utoipa::path(
    operation_id = "updateTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The task's id")),
    request_body(content = Replace, description = "The new title and other changes"),
    responses(
        (status = 200, description = "The updated task.", body = Task),
        (status = 409, description = "`QUOTA_001`: the account has too much text.")
    )
)]
#[put("/api/tasks/{id}")]
async fn replace(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
    body: Body,
) -> HandlerResult {
    caller.may(Scope::TodosWrite)?;
    let edit = body.read::<Replace<'_>>()?.parse()?;
    operations::edit(&state, &caller.0, &id, edit).await
}

/// Complete a task
///
/// Sets whether the task is completed.
#[utoipa::path(
    operation_id = "completeTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The task's id")),
    request_body(content = Completion, description = "Whether the task is completed"),
    responses((status = 200, description = "The updated task.", body = Task))
)]
#[patch("/api/tasks/{id}/complete")]
async fn complete(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
    body: Body,
) -> HandlerResult {
    caller.may(Scope::TodosWrite)?;
    let edit = body.read::<Completion>()?.parse()?;
    operations::edit(&state, &caller.0, &id, edit).await
}

/// Delete a task
///
/// Deletes a task. Its id is never reused.
#[utoipa::path(
    operation_id = "deleteTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The task's id")),
    responses((status = 200, description = "The task is deleted.", body = Message))
)]
#[delete("/api/tasks/{id}")]
async fn remove(state: web::Data<State>, caller: Caller, id: web::Path<String>) -> HandlerResult {
    caller.may(Scope::TodosWrite)?;
    operations::delete(&state, &caller.0, &id).await
}
