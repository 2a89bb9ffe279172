//! Creating many todos, such as a browser's local list: `POST /api/v1/todos/bulk`

mod item;

use std::collections::{BTreeMap, HashMap};

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::UserId;
use domain::session::Scope;
use domain::todo::Outcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::items::{Rejected, items, read};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, List, Member, Validation};
use crate::pace::Pace;
use crate::state::State;
use crate::wire::{Todo, id_in_use, json, rejection, with_memory};

use item::{Item, ItemSchema};

/// New todos. The server creates each on its own.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TodoBulkCreate, example = json!({"todos": [
    {"id": 1, "text": "Buy milk", "completed": false, "created_at": 1_767_953_700_000_i64}
]}))]
struct CreateMany<'a> {
    /// The new todos.
    #[serde(default, borrow)]
    #[schema(value_type = Vec<ItemSchema>, required = true, min_items = 1, max_items = 10_000)]
    todos: Member<List<'a>>,
}

/// The result of a bulk creation. Each todo of the request is in one of the three lists.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoBulkCreated)]
struct Imported<'a> {
    /// The created todos, in the order of the request.
    created: Vec<Todo<'a>>,
    /// The todos whose ids existed already, as they are now: changed or deleted, perhaps.
    existing: Vec<Todo<'a>>,
    /// The todos that were not created, and why.
    rejected: Vec<Rejected>,
    /// The stored id of each id in the request. For an id that occurs more than once, that of the first.
    #[schema(value_type = BTreeMap<String, Uuid>, example = json!({"1": "89bd0699-916a-517a-ba1f-7ccf4a18993a"}))]
    ids: BTreeMap<String, Uuid>,
}

/// Create many todos
///
/// Imports a list, such as one that a browser kept: ids, times and texts may have the forms that browsers write. Each
/// todo is created on its own, so an invalid one does not affect the others. The request is safe to repeat: a todo
/// with an id, or with a creation time, is not created again, even if it was changed or deleted since. The server
/// commits a long list in parts; if it fails in between, repeat the request.
#[utoipa::path(
    operation_id = "bulkCreateTodos",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = CreateMany, description = "The todos"),
    responses(
        (status = 201, description = "The result of each todo, of which at least one is created or exists already.", body = Imported),
        (status = 409, description = "`QUOTA_001`: no todo can be created, the first because the account would have too many todos. Other errors of the first todo have their own status.")
    )
)]
#[post("/todos/bulk")]
pub(super) async fn create_many(state: web::Data<State>, caller: Caller, mut body: Body) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let (upload, shared) = ((body.is_large(), body.take_turn()), state.clone());
    state.run_batch(&caller.0, upload, move || import(shared, user, body)).await
}

async fn import(state: web::Data<State>, user: UserId, body: Body) -> HandlerResult {
    let items = items(body.read::<CreateMany<'_>>()?.todos, state.settings.bulk_limit)?;
    let memory = state.reserve_batch(user, items.len()).await?;
    let (mut sent, mut creations) = (Vec::new(), Vec::new());
    let (mut rejected, mut errors) = (Vec::new(), Validation::default());
    let mut reject = |index, validation| {
        rejected.extend(Rejected::new(index, items[index], &validation));
        errors.add_item(index, validation);
    };
    let mut unnamed = HashMap::new();
    let mut pace = Pace::start();
    for (index, raw) in items.iter().enumerate() {
        pace.step();
        let mut validation = Validation::of_item();
        let item = read::<Item<'_>>(raw, &mut validation);
        match item.and_then(|item| item.parse(&mut validation, user, &mut unnamed, &*state.secrets)) {
            Some((id, creation)) => {
                sent.push((index, id));
                creations.push(creation);
            }
            None => reject(index, validation),
        }
    }
    let outcomes = state.todos.create_each(user, creations).await?.ok_or_else(Problem::account_gone)?;
    let mut answer =
        Imported { created: Vec::new(), existing: Vec::new(), rejected: Vec::new(), ids: BTreeMap::new() };
    for (outcome, (index, id)) in outcomes.iter().zip(sent) {
        match answer.add(outcome) {
            Ok(stored) => {
                if let Some(id) = id {
                    answer.ids.entry(id.as_str().to_owned()).or_insert(stored);
                }
            }
            Err(validation) => reject(index, validation),
        }
    }
    if answer.created.is_empty() && answer.existing.is_empty() {
        return Err(errors.into());
    }
    rejected.sort_by_key(Rejected::index);
    answer.rejected = rejected;
    Ok(with_memory(json(StatusCode::CREATED, &answer), memory))
}

impl<'a> Imported<'a> {
    /// Returns the todo's id, or why it was not created.
    fn add(&mut self, outcome: &'a Outcome) -> Result<Uuid, Validation> {
        let (list, todo) = match outcome {
            Outcome::Applied { todo, .. } => (&mut self.created, todo),
            Outcome::Unchanged { todo: Some(todo), .. } | Outcome::IdInUse(todo) => {
                (&mut self.existing, todo)
            }
            Outcome::Rejected(reason) => return Err(rejection(*reason)),
            // A creation has no such outcome.
            Outcome::Unchanged { todo: None, .. }
            | Outcome::Conflict(_)
            | Outcome::NotFound
            | Outcome::TextGone => {
                return Err(Validation::of("id", &id_in_use()));
            }
        };
        list.push(Todo::from(&**todo));
        Ok(todo.id().0)
    }
}
