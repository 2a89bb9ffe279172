//! Changes of many todos: `PATCH /api/v1/todos/bulk`

use actix_web::http::StatusCode;
use actix_web::{patch, web};
use domain::session::Scope;
use domain::text::ClientId;
use domain::todo::{Base, Edit, Outcome};
use domain::{TodoId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::input::{TodoPatch, base};
use super::items::{Rejected, items, read};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, List, Member, Text, Validation};
use crate::pace::Pace;
use crate::state::State;
use crate::wire::{Conflict, Todo, json, rejection, todo_id, with_memory};

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

/// The result of bulk changes.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = TodoBulkPatched)]
#[expect(clippy::struct_field_names, reason = "the contract's own words")]
struct Updated<'a> {
    /// The updated todos, in the order of the request.
    updated: Vec<Todo<'a>>,
    /// The changes that were refused because the todo had changed.
    conflicts: Vec<Conflict<'a>>,
    /// The ids of todos that do not exist.
    not_found: Vec<Uuid>,
    /// The changes that exceed a limit of the todo or of the account.
    rejected: Vec<Rejected>,
}

/// Update many todos
///
/// Updates each todo on its own. If an item is invalid, the server refuses the request, and
/// `details.errors` lists the invalid items by `index`. The server commits a long list in parts; if it
/// fails in between, repeat the request.
#[utoipa::path(
    operation_id = "bulkUpdateTodos",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = UpdateMany, description = "The changes"),
    responses((status = 200, description = "The result of each change.", body = Updated))
)]
#[patch("/todos/bulk")]
pub(super) async fn update_many(state: web::Data<State>, caller: Caller, mut body: Body) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let (upload, shared) = ((body.is_large(), body.take_turn()), state.clone());
    state.run_batch(&caller.0, upload, move || update(shared, user, body)).await
}

async fn update(state: web::Data<State>, user: UserId, body: Body) -> HandlerResult {
    let items = items(body.read::<UpdateMany<'_>>()?.todos, state.settings.batch_limit)?;
    let memory = state.reserve_batch(user, items.len()).await?;
    let edits = parse_all(&items, edit)?;
    let ids: Vec<_> = edits.iter().map(|(id, ..)| id.0).collect();
    let outcomes = state.todos.edit_all(user, edits).await?.ok_or_else(Problem::account_gone)?;
    let mut response = Updated::default();
    for (((index, raw), id), outcome) in items.iter().enumerate().zip(ids).zip(&outcomes) {
        match outcome {
            Outcome::Applied { todo, .. } => response.updated.push(Todo::from(&**todo)),
            Outcome::Unchanged { todo, .. } => response.updated.extend(todo.as_deref().map(Todo::from)),
            Outcome::Conflict(conflict) => response.conflicts.push(Conflict::new(conflict, raw)),
            Outcome::Rejected(reason) => {
                response.rejected.extend(Rejected::new(index, raw, &rejection(*reason)));
            }
            // An edit creates nothing, so it cannot take an id.
            Outcome::NotFound | Outcome::TextGone | Outcome::IdInUse(_) => response.not_found.push(id),
        }
    }
    Ok(with_memory(json(StatusCode::OK, &response), memory))
}

/// Parses every item. Returns the values of all items, or the errors of all items.
fn parse_all<'a, T>(
    items: &[&'a RawValue],
    parse: impl Fn(&'a RawValue, &mut Validation) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    let (mut all, mut parsed) = (Validation::default(), Vec::with_capacity(items.len()));
    let mut pace = Pace::start();
    for (index, item) in items.iter().enumerate() {
        pace.step();
        let mut validation = Validation::of_item();
        parsed.extend(parse(item, &mut validation));
        all.add_item(index, validation);
    }
    all.finish().map(|()| parsed)
}

fn edit(item: &RawValue, validation: &mut Validation) -> Option<(TodoId, Base, Edit, Option<ClientId>)> {
    let id = read::<WithId<'_>>(item, validation)?.id;
    let id = validation.required("id", id, todo_id);
    let patch = read::<TodoPatch<'_>>(item, validation)?.parse(validation);
    id.filter(|_| validation.is_ok()).map(|id| (id, base(patch.version), patch.edit, patch.client_id))
}
