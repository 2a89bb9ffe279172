//! `/api/v1/todos/bulk`

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
use uuid::Uuid;

use super::input::{TodoCreate, TodoPatch, base};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, FieldError, List, Member, ObjectError, Text, Validation, object};
use crate::state::State;
use crate::wire::{Conflict, Todo, as_is, id_in_use, json, rejection, todo_id};

/// New todos. The server creates all of them or none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoBulkCreate, example = json!({"todos": [{"id": 1, "text": "Buy milk"}]}))]
struct CreateMany<'a> {
    /// The new todos.
    #[serde(default, borrow)]
    #[schema(value_type = Vec<TodoCreate>, required = true, min_items = 1, max_items = 1000)]
    todos: Member<List<'a>>,
}

/// Changes to todos. The server applies each change on its own.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoBulkPatch, example = json!({"todos": [
    {"id": "550e8400-e29b-41d4-a716-446655440000", "completed": true, "version": 1}
]}))]
struct UpdateMany<'a> {
    /// The changes.
    #[serde(default, borrow)]
    #[schema(value_type = Vec<TodoPatchItem>, required = true, min_items = 1, max_items = 1000)]
    todos: Member<List<'a>>,
}

/// Changes to one todo.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what `WithId` and `TodoPatch` read")]
struct TodoPatchItem<'a> {
    /// The todo's id.
    id: Uuid,
    #[serde(flatten)]
    patch: TodoPatch<'a>,
}

#[derive(Default, Deserialize)]
struct WithId<'a> {
    #[serde(default, borrow)]
    id: Member<Text<'a>>,
}

/// The result of a bulk creation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoBulkCreated)]
struct Created<'a> {
    /// The created todos, in the order of the request.
    created: Vec<Todo<'a>>,
    /// The todos that already existed with the same content.
    existing: Vec<Todo<'a>>,
}

/// The result of bulk changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoBulkPatched)]
#[expect(clippy::struct_field_names, reason = "the contract's own words")]
struct Updated<'a> {
    /// The updated todos, in the order of the request.
    updated: Vec<Todo<'a>>,
    /// The changes that were refused because the todo had changed.
    conflicts: Vec<Conflict<'a>>,
    /// The ids of todos that do not exist.
    not_found: Vec<Uuid>,
}

/// Create many todos
///
/// Creates all todos or none: if an item is invalid, the server refuses the request, and `details.errors` lists
/// the invalid items by `index`. The request is safe to repeat: a todo that exists with the same content is not
/// created again.
#[utoipa::path(
    operation_id = "createTodos",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = CreateMany, description = "The todos"),
    responses(
        (status = 201, description = "All todos are created or exist already.", body = Created),
        (status = 409, description = "`CONFLICT_003`: an id is in use with other content. `QUOTA_001`: the account would have too many todos.")
    )
)]
#[post("/todos/bulk")]
pub(super) async fn create_many(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let items = items(body.read::<CreateMany<'_>>()?.todos, &state)?;
    let creations = parse_all(&items, |item, validation| {
        read::<TodoCreate<'_>>(item, validation)?.parse(validation, user, &*state.secrets)
    })?;
    let outcomes = state.todos.create_all(user, creations).await?.ok_or_else(Problem::account_gone)?;
    creation_errors(&outcomes).finish()?;
    let (mut created, mut existing) = (Vec::new(), Vec::new());
    for outcome in &outcomes {
        match outcome {
            Outcome::Applied { todo, .. } => created.push(Todo::from(&**todo)),
            Outcome::Unchanged { todo, .. } => existing.extend(todo.as_deref().map(Todo::from)),
            Outcome::Conflict(_)
            | Outcome::NotFound
            | Outcome::TextGone
            | Outcome::IdInUse
            | Outcome::Rejected(_) => {}
        }
    }
    Ok(json(StatusCode::CREATED, &Created { created, existing }))
}

/// Update many todos
///
/// Updates each todo on its own. If an item is invalid, the server refuses the request, and `details.errors` lists
/// the invalid items by `index`.
#[utoipa::path(
    operation_id = "updateTodos",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = UpdateMany, description = "The changes"),
    responses((status = 200, description = "The result of each change.", body = Updated))
)]
#[patch("/todos/bulk")]
pub(super) async fn update_many(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let items = items(body.read::<UpdateMany<'_>>()?.todos, &state)?;
    let edits = parse_all(&items, edit)?;
    let ids: Vec<_> = edits.iter().map(|(id, ..)| id.0).collect();
    let outcomes = state.todos.edit_all(user, edits).await?.ok_or_else(Problem::account_gone)?;
    let mut response = Updated { updated: Vec::new(), conflicts: Vec::new(), not_found: Vec::new() };
    for ((outcome, id), raw) in outcomes.iter().zip(ids).zip(&items) {
        match outcome {
            Outcome::Applied { todo, .. } => response.updated.push(Todo::from(&**todo)),
            Outcome::Unchanged { todo, .. } => response.updated.extend(todo.as_deref().map(Todo::from)),
            Outcome::Conflict(conflict) => response.conflicts.push(Conflict::new(conflict, raw)),
            // An edit creates nothing, so it can neither take an id nor exceed a quota.
            Outcome::NotFound | Outcome::TextGone | Outcome::IdInUse | Outcome::Rejected(_) => {
                response.not_found.push(id);
            }
        }
    }
    Ok(json(StatusCode::OK, &response))
}

/// Refuses a request with too many todos.
pub(super) fn check_count(got: usize, state: &State) -> Result<(), Problem> {
    let max = state.settings.batch_limit;
    if got <= max {
        return Ok(());
    }
    let error = FieldError::new(ErrorCode::TooLarge, format!("must have at most {max} items, it has {got}"));
    Err(error.with("max", max).with("got", got).on("todos"))
}

fn items<'a>(todos: Member<List<'a>>, state: &State) -> Result<Vec<&'a RawValue>, Problem> {
    let mut validation = Validation::default();
    let items = validation.required("todos", todos, as_is).map_or_else(Vec::new, |list| list.0);
    if validation.is_ok() && items.is_empty() {
        validation.reject("todos", &FieldError::invalid("must have at least one item").with("min", 1));
    }
    validation.finish()?;
    check_count(items.len(), state)?;
    Ok(items)
}

/// Parses every item. Returns the values of all items, or the errors of all items.
fn parse_all<'a, T>(
    items: &[&'a RawValue],
    parse: impl Fn(&'a RawValue, &mut Validation) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    let (mut all, mut parsed) = (Validation::default(), Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let mut validation = Validation::default();
        parsed.extend(parse(item, &mut validation));
        all.add_item(index, validation);
    }
    all.finish().map(|()| parsed)
}

/// Deserialises an item, which must be an object.
pub(super) fn read<'a, T: Deserialize<'a>>(item: &'a RawValue, validation: &mut Validation) -> Option<T> {
    let error = match object(item.get()) {
        Ok(item) => return Some(item),
        Err(ObjectError::NotAnObject) => FieldError::invalid("must be an object"),
        Err(ObjectError::NotJson { .. }) => {
            FieldError::new(ErrorCode::BodyNotJson, "is not valid JSON, or has a duplicate member")
        }
    };
    validation.reject("todos", &error);
    None
}

fn edit(item: &RawValue, validation: &mut Validation) -> Option<(TodoId, Base, Edit, Option<ClientId>)> {
    let id = read::<WithId<'_>>(item, validation)?.id;
    let id = validation.required("id", id, todo_id);
    let patch = read::<TodoPatch<'_>>(item, validation)?.parse(validation);
    id.filter(|_| validation.is_ok()).map(|id| (id, base(patch.version), patch.edit, patch.client_id))
}

/// The errors that prevent a creation.
fn creation_errors(outcomes: &[Outcome]) -> Validation {
    let mut all = Validation::default();
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Applied { .. } | Outcome::Unchanged { .. } => {}
            Outcome::Rejected(reason) => all.add_item(index, rejection(*reason)),
            Outcome::IdInUse | Outcome::Conflict(_) | Outcome::NotFound | Outcome::TextGone => {
                all.add_item(index, Validation::of("id", &id_in_use()));
            }
        }
    }
    all
}
