//! `/api/tasks`: the user is whoever the token says, of this server or of a configured issuer.

use actix_web::{delete, get, patch, post, put, web};
use domain::session::Scope;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answers::{self, Part, TaskStatus};
use super::dto::{Completion, Create, Replace, Task};
use crate::Api;
use crate::error::Answer;
use crate::extract::{Body, Caller, Query};
use crate::shared::Message;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get_one).service(replace).service(complete).service(remove);
}

/// List tasks
///
/// Gives the caller's tasks, the newest first: all of them where no limit is given.
#[utoipa::path(
    operation_id = "listTasks",
    tag = "Task contract",
    security(("bearer" = [])),
    params(
        ("status" = Option<TaskStatus>, Query, description = "Which tasks; `all` by default"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "The most to give; all by default"),
        ("offset" = Option<i64>, Query, minimum = 0, maximum = 9_007_199_254_740_991i64, description = "How many to leave out at the start; 0 by default")
    ),
    responses(
        (status = 200, description = "The tasks.", body = Vec<Task>,
         headers(("X-Total-Count" = u64, description = "How many tasks of that status there are.")))
    )
)]
#[get("/api/tasks")]
async fn list(api: web::Data<Api>, caller: Caller, query: Query) -> Answer {
    caller.may(Scope::TodosRead)?;
    answers::list(&api, &caller.0, Part::paged(&query)?).await
}

/// Create a task
///
/// Creates a task that is not done.
#[utoipa::path(
    operation_id = "createTask",
    tag = "Task contract",
    security(("bearer" = [])),
    request_body(content = Create, description = "The task"),
    responses(
        (status = 201, description = "It is created.", body = Task, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "`QUOTA_001`: there are too many tasks.")
    )
)]
#[post("/api/tasks")]
async fn create(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    caller.may(Scope::TodosWrite)?;
    let new = body.read::<Create<'_>>()?.parse()?;
    answers::create(&api, &caller.0, new, "/api/tasks").await
}

/// Look at a task
///
/// Gives one task. Another user's is not found.
#[utoipa::path(
    operation_id = "getTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "Its id")),
    responses((status = 200, description = "The task.", body = Task))
)]
#[get("/api/tasks/{id}")]
async fn get_one(api: web::Data<Api>, caller: Caller, id: web::Path<String>) -> Answer {
    caller.may(Scope::TodosRead)?;
    answers::get(&api, &caller.0, &id).await
}

/// Change a task
///
/// Sets the title, and what else is named.
#[utoipa::path(
    operation_id = "updateTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "Its id")),
    request_body(content = Replace, description = "The task as it is to be"),
    responses((status = 200, description = "The task after the changes.", body = Task))
)]
#[put("/api/tasks/{id}")]
async fn replace(api: web::Data<Api>, caller: Caller, id: web::Path<String>, body: Body) -> Answer {
    caller.may(Scope::TodosWrite)?;
    let edit = body.read::<Replace<'_>>()?.parse()?;
    answers::edit(&api, &caller.0, &id, edit).await
}

/// Say whether a task is done
///
/// Sets whether the task is done.
#[utoipa::path(
    operation_id = "completeTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "Its id")),
    request_body(content = Completion, description = "Whether it is done"),
    responses((status = 200, description = "The task after the change.", body = Task))
)]
#[patch("/api/tasks/{id}/complete")]
async fn complete(api: web::Data<Api>, caller: Caller, id: web::Path<String>, body: Body) -> Answer {
    caller.may(Scope::TodosWrite)?;
    let edit = body.read::<Completion>()?.parse()?;
    answers::edit(&api, &caller.0, &id, edit).await
}

/// Delete a task
///
/// Deletes a task. Its id is never used again.
#[utoipa::path(
    operation_id = "deleteTask",
    tag = "Task contract",
    security(("bearer" = [])),
    params(("id" = i64, Path, minimum = 1, description = "Its id")),
    responses((status = 200, description = "It is deleted.", body = Message))
)]
#[delete("/api/tasks/{id}")]
async fn remove(api: web::Data<Api>, caller: Caller, id: web::Path<String>) -> Answer {
    caller.may(Scope::TodosWrite)?;
    answers::delete(&api, &caller.0, &id).await
}
