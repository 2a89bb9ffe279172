//! `/api/{user_id}/tasks`: the path says whose the tasks are, and it has to be the caller.

use actix_web::{delete, get, patch, post, put, web};
use domain::code::ErrorCode;
use domain::session::{Principal, Scope};
use utoipa_actix_web::service_config::ServiceConfig;

use super::answers::{self, Part, TaskStatus};
use super::dto::{Create, Task, Update};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Query, uuid};
use crate::shared::Message;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get_one).service(update).service(toggle).service(remove);
}

/// The caller, provided that `user_id` means them (by id or by the token's subject) and that the token allows `scope`.
fn own<'a>(caller: &'a Caller, user_id: &str, scope: Scope) -> Result<&'a Principal, Problem> {
    let principal = &caller.0;
    if user_id != principal.subject && uuid(user_id) != Some(principal.user.0) {
        return Err(Problem::new(ErrorCode::NotYours, "These tasks are another user's"));
    }
    caller.may(scope)?;
    Ok(principal)
}

/// List a user's tasks
///
/// Gives all tasks of the user, the newest first.
#[utoipa::path(
    operation_id = "listUserTasks",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("status" = Option<TaskStatus>, Query, description = "Which tasks; `all` by default")
    ),
    responses(
        (status = 200, description = "The tasks.", body = Vec<Task>,
         headers(("X-Total-Count" = u64, description = "How many tasks of that status there are."))),
        (status = 403, description = "`AUTHZ_001`: the tasks are another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[get("/api/{user_id}/tasks")]
async fn list(api: web::Data<Api>, caller: Caller, user_id: web::Path<String>, query: Query) -> Answer {
    let principal = own(&caller, &user_id, Scope::TodosRead)?;
    answers::list(&api, principal, Part::whole(&query)?).await
}

/// Create a task of a user
///
/// Creates a task that is not done.
#[utoipa::path(
    operation_id = "createUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(("user_id" = String, Path, description = "The caller's id")),
    request_body(content = Create, description = "The task"),
    responses(
        (status = 201, description = "It is created.", body = Task, headers(("Location" = String, description = "Where it is."))),
        (status = 403, description = "`AUTHZ_001`: the tasks are another user's. `AUTHZ_002`: the token does not allow this."),
        (status = 409, description = "`QUOTA_001`: there are too many tasks.")
    )
)]
#[post("/api/{user_id}/tasks")]
async fn create(api: web::Data<Api>, caller: Caller, user_id: web::Path<String>, body: Body) -> Answer {
    let principal = own(&caller, &user_id, Scope::TodosWrite)?;
    let new = body.read::<Create<'_>>()?.parse()?;
    answers::create(&api, principal, new, &format!("/api/{}/tasks", principal.user)).await
}

/// Look at a task of a user
///
/// Gives one task.
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
        (status = 403, description = "`AUTHZ_001`: the tasks are another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[get("/api/{user_id}/tasks/{task_id}")]
async fn get_one(api: web::Data<Api>, caller: Caller, path: web::Path<(String, String)>) -> Answer {
    let principal = own(&caller, &path.0, Scope::TodosRead)?;
    answers::get(&api, principal, &path.1).await
}

/// Change a task of a user
///
/// Changes what is named.
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
        (status = 200, description = "The task after the changes.", body = Task),
        (status = 403, description = "`AUTHZ_001`: the tasks are another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[put("/api/{user_id}/tasks/{task_id}")]
async fn update(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<(String, String)>,
    body: Body,
) -> Answer {
    let principal = own(&caller, &path.0, Scope::TodosWrite)?;
    let edit = body.read::<Update<'_>>()?.parse()?;
    answers::edit(&api, principal, &path.1, edit).await
}

/// Turn a task of a user over
///
/// Makes the task done if it was not, and not done if it was. There is no body.
#[utoipa::path(
    operation_id = "toggleUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("task_id" = i64, Path, minimum = 1, description = "The task's id")
    ),
    responses(
        (status = 200, description = "The task after the change.", body = Task),
        (status = 403, description = "`AUTHZ_001`: the tasks are another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[patch("/api/{user_id}/tasks/{task_id}/complete")]
async fn toggle(api: web::Data<Api>, caller: Caller, path: web::Path<(String, String)>) -> Answer {
    let principal = own(&caller, &path.0, Scope::TodosWrite)?;
    answers::toggle(&api, principal, &path.1).await
}

/// Delete a task of a user
///
/// Deletes a task. Its id is never used again.
#[utoipa::path(
    operation_id = "deleteUserTask",
    tag = "User task contract",
    security(("bearer" = [])),
    params(
        ("user_id" = String, Path, description = "The caller's id"),
        ("task_id" = i64, Path, minimum = 1, description = "The task's id")
    ),
    responses(
        (status = 200, description = "It is deleted.", body = Message),
        (status = 403, description = "`AUTHZ_001`: the tasks are another user's. `AUTHZ_002`: the token does not allow this.")
    )
)]
#[delete("/api/{user_id}/tasks/{task_id}")]
async fn remove(api: web::Data<Api>, caller: Caller, path: web::Path<(String, String)>) -> Answer {
    let principal = own(&caller, &path.0, Scope::TodosWrite)?;
    answers::delete(&api, principal, &path.1).await
}
