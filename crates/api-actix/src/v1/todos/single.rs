//! One todo: create, look at, change, delete, restore.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use domain::UserId;
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::todo::{Base, Outcome};
use utoipa_actix_web::service_config::ServiceConfig;

use super::input::{TodoCreate, TodoPatch, base};
use super::one;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, IfMatch, Int, Query, TodoPath, flag, none_match, number};
use crate::wire::{Todo, changed_todo};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create).service(get_one).service(update).service(remove).service(restore);
}

/// Create a todo
///
/// Creates a todo under the id given or a new one. The same again, with the same content, creates nothing and gives the stored todo.
#[utoipa::path(
    operation_id = "createTodo",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = TodoCreate, description = "The todo"),
    responses(
        (status = 201, description = "It is created.", body = Todo,
         headers(("ETag" = String, description = "Its version."), ("Location" = String, description = "Where it is."))),
        (status = 200, description = "It was there already, with the same content.", body = Todo,
         headers(("ETag" = String, description = "Its version."))),
        (status = 409, description = "`CONFLICT_003`: the id is in use with other content. `QUOTA_001`: there are too many todos.")
    )
)]
#[post("/todos")]
async fn create(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let mut checks = Checks::default();
    let parsed = body.read::<TodoCreate<'_>>()?.parse(&mut checks, user, &*api.secrets);
    let Some((id, new, client_id)) = parsed else { return Err(checks.into()) };
    let outcome = api.todos.create(user, id, new, client_id).await?;
    let created = matches!(outcome, Some(Outcome::Applied { .. }));
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    if !created {
        return Ok(one(StatusCode::OK, &todo));
    }
    let mut response = one(StatusCode::CREATED, &todo);
    if let Ok(location) = format!("/api/v1/todos/{}", todo.id()).parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Look at a todo
///
/// Gives one todo. A tombstone is found only where `include_deleted` asks for it.
#[utoipa::path(
    operation_id = "getTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("id" = uuid::Uuid, Path, description = "Its id"),
        ("include_deleted" = Option<bool>, Query, description = "Whether a tombstone is found too"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")
    ),
    responses(
        (status = 200, description = "The todo.", body = Todo, headers(("ETag" = String, description = "Its version."))),
        (status = 304, description = "The client's copy still holds.", headers(("ETag" = String, description = "Its version.")))
    )
)]
#[get("/todos/{id}")]
async fn get_one(
    api: web::Data<Api>,
    caller: Caller,
    id: TodoPath,
    query: Query,
    request: HttpRequest,
) -> Answer {
    let user = caller.may(Scope::TodosRead)?;
    let mut checks = Checks::default();
    let include_deleted = query.get(&mut checks, "include_deleted", flag).unwrap_or(false);
    checks.finish()?;
    let todo = api.todos.get(user, id.0, include_deleted).await?.ok_or_else(Problem::todo_not_found)?;
    let mut response = one(StatusCode::OK, &todo);
    if !none_match(&request, todo.version()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(CONTENT_TYPE);
        return Ok(response.drop_body().map_into_boxed_body());
    }
    Ok(response)
}

/// Change a todo
///
/// Changes the fields named. With `version` or `If-Match` the change is made against that version, and refused if the todo has been
/// changed since, unless what it asks for is in place already. `If-Match` wins where both are given.
#[utoipa::path(
    operation_id = "updateTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("id" = uuid::Uuid, Path, description = "Its id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change was made against")
    ),
    request_body(content = TodoPatch, description = "The changes"),
    responses(
        (status = 200, description = "The todo after the changes.", body = Todo, headers(("ETag" = String, description = "Its version."))),
        (status = 409, description = "`CONFLICT_001`: the todo was changed since `version`; `details` shows it as it is."),
        (status = 412, description = "`CONFLICT_002`: the todo was changed since `If-Match`; `details` shows it as it is.")
    )
)]
#[patch("/todos/{id}")]
async fn update(api: web::Data<Api>, caller: Caller, id: TodoPath, if_match: IfMatch, body: Body) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let mut checks = Checks::default();
    let patch = body.read::<TodoPatch<'_>>()?.parse(&mut checks);
    checks.finish()?;
    let (base, conflict) = precondition(&api, user, id, if_match, patch.version).await?;
    let outcome = api.todos.edit(user, id.0, base, patch.edit, patch.client_id).await?;
    let todo = changed_todo(outcome, conflict)?.ok_or_else(Problem::unexpected)?;
    Ok(one(StatusCode::OK, &todo))
}

/// Delete a todo
///
/// Makes a tombstone of it, from which other devices learn of the deletion. Again: the same answer.
#[utoipa::path(
    operation_id = "deleteTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("id" = uuid::Uuid, Path, description = "Its id"),
        ("version" = Option<i64>, Query, description = "The version that the deletion was made against",
         minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the deletion was made against; wins over `version`")
    ),
    responses(
        (status = 204, description = "It is deleted."),
        (status = 409, description = "`CONFLICT_001`: the todo was changed since `version`; `details` shows it as it is."),
        (status = 412, description = "`CONFLICT_002`: the todo was changed since `If-Match`; `details` shows it as it is.")
    )
)]
#[delete("/todos/{id}")]
async fn remove(
    api: web::Data<Api>,
    caller: Caller,
    id: TodoPath,
    if_match: IfMatch,
    query: Query,
) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let mut checks = Checks::default();
    let version = query.get(&mut checks, "version", |text| number(text, -Int::MAX, Int::MAX));
    checks.finish()?;
    let (base, conflict) = precondition(&api, user, id, if_match, version).await?;
    changed_todo(api.todos.delete(user, id.0, base).await?, conflict)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Restore a todo
///
/// Makes a tombstone live again. A todo that is live stays as it is.
#[utoipa::path(
    operation_id = "restoreTodo",
    tag = "Todos",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "Its id")),
    responses(
        (status = 200, description = "The todo, live.", body = Todo, headers(("ETag" = String, description = "Its version."))),
        (status = 409, description = "`QUOTA_001`: there are too many todos.")
    )
)]
#[post("/todos/{id}/restore")]
async fn restore(api: web::Data<Api>, caller: Caller, id: TodoPath) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let outcome = api.todos.restore(user, id.0).await?;
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    Ok(one(StatusCode::OK, &todo))
}

/// What a change is made against, and what it is called when that is not so. `If-Match` wins over `version`.
async fn precondition(
    api: &Api,
    user: UserId,
    id: TodoPath,
    if_match: IfMatch,
    version: Option<i64>,
) -> Result<(Base, ErrorCode), Problem> {
    let versions = match if_match {
        IfMatch::Absent | IfMatch::Any => return Ok((base(version), ErrorCode::VersionMismatch)),
        IfMatch::Versions(versions) => versions,
    };
    let named = match versions[..] {
        // A tag of no version of ours matches none.
        [] => 0,
        [version] => version,
        [..] => {
            let current = api.todos.get(user, id.0, true).await?.map(|todo| todo.version());
            current.filter(|current| versions.contains(current)).unwrap_or(0)
        }
    };
    Ok((Base::Version(named), ErrorCode::PreconditionFailed))
}
