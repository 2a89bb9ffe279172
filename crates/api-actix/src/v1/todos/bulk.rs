//! Many todos in one request.

use actix_web::http::StatusCode;
use actix_web::{patch, post, web};
use domain::TodoId;
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::text::ClientId;
use domain::todo::{Base, Edit, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::super::{as_is, json};
use super::input::{TodoCreate, TodoPatch, base, todo_id};
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Body, Caller, Checks, Fault, Field, List, NoObject, Text, object};
use crate::wire::{Conflict, Todo, id_in_use, rejection};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_many).service(update_many);
}

/// Todos to be created, all or none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoBulkCreate, example = json!({"todos": [{"id": 1, "text": "Buy milk"}]}))]
struct CreateMany<'a> {
    /// The todos.
    #[serde(default, borrow)]
    #[schema(value_type = Vec<TodoCreate>, required = true, min_items = 1, max_items = 1000)]
    todos: Field<List<'a>>,
}

/// Todos to be changed, each that can be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoBulkPatch, example = json!({"todos": [
    {"id": "550e8400-e29b-41d4-a716-446655440000", "completed": true, "version": 1}
]}))]
struct UpdateMany<'a> {
    /// The changes.
    #[serde(default, borrow)]
    #[schema(value_type = Vec<TodoPatchItem>, required = true, min_items = 1, max_items = 1000)]
    todos: Field<List<'a>>,
}

/// Changes of the todo with this id.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's form of what `Named` and `TodoPatch` read")]
struct TodoPatchItem<'a> {
    /// Which todo.
    id: Uuid,
    #[serde(flatten)]
    patch: TodoPatch<'a>,
}

#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(default, borrow)]
    id: Field<Text<'a>>,
}

/// What became of a bulk creation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoBulkCreated)]
struct Created<'a> {
    /// Those that are new, in the order sent.
    created: Vec<Todo<'a>>,
    /// Those that were there already, with the same content.
    existing: Vec<Todo<'a>>,
}

/// What became of bulk changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoBulkPatched)]
#[expect(clippy::struct_field_names, reason = "the contract's own words")]
struct Updated<'a> {
    /// Those that are as asked now, in the order sent.
    updated: Vec<Todo<'a>>,
    /// Those that were changed meanwhile.
    conflicts: Vec<Conflict<'a>>,
    /// Those that are not there.
    not_found: Vec<Uuid>,
}

/// Create many todos
///
/// Creates all of them or none: one bad item refuses the request, and `details.errors` names each by `index`. Safe to repeat: what is
/// there already, with the same content, is not created twice.
#[utoipa::path(
    operation_id = "createTodos",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = CreateMany, description = "The todos"),
    responses(
        (status = 201, description = "All of them are there.", body = Created),
        (status = 409, description = "`CONFLICT_003`: an id is in use with other content. `QUOTA_001`: there would be too many todos.")
    )
)]
#[post("/todos/bulk")]
async fn create_many(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let items = items(body.read::<CreateMany<'_>>()?.todos, &api)?;
    let creations = every(&items, |item, checks| {
        read::<TodoCreate<'_>>(item, checks)?.parse(checks, user, &*api.secrets)
    })?;
    let outcomes = api.todos.create_all(user, creations).await?.ok_or_else(Problem::account_gone)?;
    spoilt(&outcomes).finish()?;
    let (mut created, mut existing) = (Vec::new(), Vec::new());
    for outcome in &outcomes {
        match outcome {
            Outcome::Applied { todo, .. } => created.push(Todo::from(&**todo)),
            Outcome::Unchanged { todo, .. } => existing.extend(todo.as_deref().map(Todo::from)),
            Outcome::Conflict(_) | Outcome::NotFound | Outcome::IdInUse | Outcome::Rejected(_) => {}
        }
    }
    Ok(json(StatusCode::CREATED, &Created { created, existing }))
}

/// Change many todos
///
/// Changes each todo that can be. A bad item refuses the request, and `details.errors` names each by `index`.
#[utoipa::path(
    operation_id = "updateTodos",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = UpdateMany, description = "The changes"),
    responses((status = 200, description = "What became of each.", body = Updated))
)]
#[patch("/todos/bulk")]
async fn update_many(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let user = caller.may(Scope::TodosWrite)?;
    let items = items(body.read::<UpdateMany<'_>>()?.todos, &api)?;
    let edits = every(&items, edit)?;
    let ids: Vec<_> = edits.iter().map(|(id, ..)| id.0).collect();
    let outcomes = api.todos.edit_all(user, edits).await?.ok_or_else(Problem::account_gone)?;
    let mut answer = Updated { updated: Vec::new(), conflicts: Vec::new(), not_found: Vec::new() };
    for ((outcome, id), raw) in outcomes.iter().zip(ids).zip(&items) {
        match outcome {
            Outcome::Applied { todo, .. } => answer.updated.push(Todo::from(&**todo)),
            Outcome::Unchanged { todo, .. } => answer.updated.extend(todo.as_deref().map(Todo::from)),
            Outcome::Conflict(conflict) => answer.conflicts.push(Conflict::new(conflict, raw)),
            // An edit creates nothing: neither is an id taken, nor a quota.
            Outcome::NotFound | Outcome::IdInUse | Outcome::Rejected(_) => answer.not_found.push(id),
        }
    }
    Ok(json(StatusCode::OK, &answer))
}

/// Refuses more todos than a request may have.
pub(super) fn too_many(got: usize, api: &Api) -> Result<(), Problem> {
    let max = api.settings.batch_limit;
    if got <= max {
        return Ok(());
    }
    let fault = Fault::of(ErrorCode::TooLarge, format!("must have at most {max} items, it has {got}"));
    Err(fault.with("max", max).with("got", got).on("todos"))
}

fn items<'a>(todos: Field<List<'a>>, api: &Api) -> Result<Vec<&'a RawValue>, Problem> {
    let mut checks = Checks::default();
    let items = checks.required("todos", todos, as_is).map_or_else(Vec::new, |list| list.0);
    if checks.passed() && items.is_empty() {
        checks.refuse("todos", &Fault::invalid("must have at least one item").with("min", 1));
    }
    checks.finish()?;
    too_many(items.len(), api)?;
    Ok(items)
}

/// Each item as `parse` reads it, or what is wrong with all of them.
fn every<'a, T>(
    items: &[&'a RawValue],
    parse: impl Fn(&'a RawValue, &mut Checks) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    let (mut all, mut parsed) = (Checks::default(), Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let mut checks = Checks::default();
        parsed.extend(parse(item, &mut checks));
        all.absorb(index, checks);
    }
    all.finish().map(|()| parsed)
}

/// Reads an item as an object.
pub(super) fn read<'a, T: Deserialize<'a>>(item: &'a RawValue, checks: &mut Checks) -> Option<T> {
    let fault = match object(item.get()) {
        Ok(item) => return Some(item),
        Err(NoObject::OtherType) => Fault::invalid("must be an object"),
        Err(NoObject::NotJson { .. }) => {
            Fault::of(ErrorCode::BodyNotJson, "is not valid JSON, or names a member twice")
        }
    };
    checks.refuse("todos", &fault);
    None
}

fn edit(item: &RawValue, checks: &mut Checks) -> Option<(TodoId, Base, Edit, Option<ClientId>)> {
    let id = read::<Named<'_>>(item, checks)?.id;
    let id = checks.required("id", id, todo_id);
    let patch = read::<TodoPatch<'_>>(item, checks)?.parse(checks);
    id.filter(|_| checks.passed()).map(|id| (id, base(patch.version), patch.edit, patch.client_id))
}

/// What spoils a creation of all or none.
fn spoilt(outcomes: &[Outcome]) -> Checks {
    let mut all = Checks::default();
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Applied { .. } | Outcome::Unchanged { .. } => {}
            Outcome::Rejected(reason) => all.absorb(index, rejection(*reason)),
            Outcome::IdInUse | Outcome::Conflict(_) | Outcome::NotFound => {
                all.absorb(index, Checks::of("id", &id_in_use()));
            }
        }
    }
    all
}
