//! The exchange with a device.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{post, web};
use domain::UserId;
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::sync::{Cursor, Epoch, SyncAnswer, SyncOutcome, SyncRequest};
use domain::text::ClientId;
use domain::todo::{Action, Base, Change, Edit, Outcome, Strategy, Upsert};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::super::{as_is, client_id, json};
use super::bulk::{read, too_many};
use super::dto::{Conflict, StrategyName, Todo};
use super::input::{description, moment, title, todo_id};
use super::list::resync_required;
use super::{id_in_use, rejected};
use crate::Api;
use crate::error::{Answer, Problem, ProblemCode};
use crate::extract::{Body, Caller, Checks, Fault, Field, Int, List, Text, word};
use crate::moment::Moment;
use crate::turns::{Heavy, in_turn};

const MOST_CHANGES: i64 = 1000;

const STRATEGIES: [(&str, Strategy); 4] = [
    ("manual", Strategy::Manual),
    ("merge", Strategy::Merge),
    ("last_write_wins", Strategy::LastWriteWins),
    ("client_wins", Strategy::ClientWins),
];

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(sync);
}

/// What a device changed, and up to where it has seen everything.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SyncRequest, example = json!({
    "last_sync": null, "strategy": "manual", "client_id": "phone",
    "todos": [{"id": "550e8400-e29b-41d4-a716-446655440000", "text": "Buy milk", "version": 0}]
}))]
struct Request<'a> {
    /// The `sync_timestamp` of the last answer; null or absent: from the beginning.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_sync: Field<Text<'a>>,
    /// The `epoch` of the last answer: tells whether the database is still the one that the cursor belongs to.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    epoch: Field<Text<'a>>,
    /// What decides about changes made against a version that is not the current one; `manual` by default.
    #[serde(default, borrow)]
    #[schema(value_type = Option<StrategyName>)]
    strategy: Field<Text<'a>>,
    /// The device, for todos that don't name one themselves.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    client_id: Field<Text<'a>>,
    /// The most changes wanted back; 1000 by default.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000)]
    limit: Field<Int>,
    /// What the device changed, in order.
    #[serde(default, borrow)]
    #[schema(value_type = Option<Vec<SyncTodo>>, max_items = 1000)]
    todos: Field<List<'a>>,
}

/// A todo that a device created, changed, deleted or restored. Absent fields are unchanged. One that is bad is `rejected` by itself.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"id": "550e8400-e29b-41d4-a716-446655440000", "completed": true, "version": 2}))]
struct SyncTodo<'a> {
    /// Its id, chosen by the device that creates it.
    #[serde(default, borrow)]
    #[schema(value_type = Uuid, required = true)]
    id: Field<Text<'a>>,
    /// What is to do; a todo that the server does not know needs it.
    #[serde(default, borrow)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 500)]
    text: Field<Text<'a>>,
    #[serde(default, borrow)]
    #[schema(ignore)]
    title: Field<Text<'a>>,
    /// Notes to it; null clears them.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<Text<'a>>,
    /// Whether it is done.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    completed: Field<bool>,
    /// `true` deletes it, `false` restores it.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    deleted: Field<bool>,
    /// A date deletes it, where `deleted` says nothing.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Field<Text<'a>>,
    /// The version that the change was made against; without it anything may have changed since.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    version: Field<Int>,
    /// When the device changed it, by its own clock; `last_write_wins` needs it.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Field<Text<'a>>,
    /// When it was created; one in the future counts as now.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Field<Text<'a>>,
    /// The device that changed it.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    client_id: Field<Text<'a>>,
}

/// What became of the changes, and what the device has not seen yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncResponse)]
struct Response<'a> {
    /// Every todo changed after `last_sync`, tombstones included, in the order of the changes, without those that the device knows by
    /// having sent them.
    server_changes: Vec<Todo<'a>>,
    /// The ids of the todos that are as sent.
    applied: Vec<Uuid>,
    /// Their versions; 0 for a deletion of a todo that the server never had.
    versions: BTreeMap<Uuid, i64>,
    /// The changes that were not applied because the todo was changed meanwhile.
    conflicts: Vec<Conflict<'a>>,
    /// The todos that can't be applied, whatever the versions.
    rejected: Vec<Rejected>,
    /// Whether there is more: sync again from `sync_timestamp`.
    has_more: bool,
    /// The cursor for the next sync: the stamp up to which the device now knows everything.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:30:00.000000Z")]
    sync_timestamp: Moment,
    /// Names the history of the database that the cursor belongs to.
    #[schema(example = "0b5a3c1e-6f0d-4c55-9a4b-8d0f6a2b7c11")]
    epoch: &'a str,
}

/// A todo that can't be applied.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedTodo, example = json!({
    "id": "550e8400-e29b-41d4-a716-446655440000", "index": 0, "error_code": "VALIDATION_005",
    "message": "text must be at most 500 characters long, it has 501"
}))]
struct Rejected {
    /// Its id as sent; null where that can't be read.
    #[schema(required = true)]
    id: Option<String>,
    /// Which of the todos sent, from 0.
    #[schema(minimum = 0)]
    index: usize,
    /// The kind of problem.
    error_code: ProblemCode,
    /// What is wrong, in a sentence.
    #[schema(example = "text must be at most 500 characters long, it has 501")]
    message: String,
}

/// Sync a device
///
/// Takes what the device changed, each todo for itself and all in one transaction, and gives what it has not seen yet. Safe to repeat:
/// what is in place already is not done twice.
#[utoipa::path(
    operation_id = "syncTodos",
    tag = "Sync",
    security(("bearer" = [])),
    request_body(content = Request, description = "The changes and the cursor"),
    responses(
        (status = 200, description = "What became of the changes, and what is new.", body = Response),
        (status = 410, description = "`SYNC_001`: the cursor can't be continued; nothing was written.")
    )
)]
#[post("/todos/sync")]
async fn sync(api: web::Data<Api>, caller: Caller, body: Body) -> Answer {
    let user = caller.may(Scope::TodosRead).and_then(|_| caller.may(Scope::TodosWrite))?;
    let exchange = exchange(api.clone(), user, body);
    in_turn(&api, &caller.0, Heavy::Read, exchange).await
}

async fn exchange(api: web::Data<Api>, user: UserId, body: Body) -> Answer {
    let (request, sent, rejected) = body.read::<Request<'_>>()?.parse(&api)?;
    let answer = match api.sync.sync(user, request).await? {
        SyncOutcome::Done(answer) => answer,
        SyncOutcome::StaleCursor => return Err(resync_required()),
        SyncOutcome::NoSuchUser => return Err(Problem::account_gone()),
    };
    Ok(json(StatusCode::OK, &Response::new(&answer, &sent, rejected)))
}

/// A todo that was sent and can be applied: its id, which of them it is, and its very text.
type Sent<'a> = (Uuid, usize, &'a RawValue);

impl<'a> Request<'a> {
    fn parse(self, api: &Api) -> Result<(SyncRequest, Vec<Sent<'a>>, Vec<Rejected>), Problem> {
        let mut checks = Checks::default();
        let since = checks.optional("last_sync", self.last_sync, moment);
        let epoch = checks.optional("epoch", self.epoch, as_is).map(|epoch| Epoch(epoch.0.into_owned()));
        let strategy = checks.optional("strategy", self.strategy, |text| word(&text.0, &STRATEGIES));
        let device = checks.optional("client_id", self.client_id, client_id);
        let limit = checks.optional("limit", self.limit, |limit| match limit.0 {
            1..=MOST_CHANGES => u32::try_from(limit.0).map_err(|_| Fault::invalid("is out of range")),
            _ => {
                Err(Fault::invalid(format!("must be between 1 and {MOST_CHANGES}")).with("max", MOST_CHANGES))
            }
        });
        let todos = checks.optional("todos", self.todos, as_is).map_or_else(Vec::new, |list| list.0);
        checks.finish()?;
        too_many(todos.len(), api)?;
        let (mut changes, mut sent, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
        for (index, raw) in todos.into_iter().enumerate() {
            match change(raw, device.as_ref()) {
                Ok(change) => {
                    sent.push((change.id.0, index, raw));
                    changes.push(change);
                }
                Err((id, checks)) => rejected.extend(Rejected::of(id, index, &checks)),
            }
        }
        let cursor = Cursor { since, epoch };
        let limit = limit.unwrap_or_else(|| u32::try_from(MOST_CHANGES).unwrap_or(u32::MAX));
        let strategy = strategy.unwrap_or_default();
        Ok((SyncRequest { cursor, strategy, changes, limit }, sent, rejected))
    }
}

/// Reads one todo; what is wrong with it, and its id if that could be read.
fn change(raw: &RawValue, device: Option<&ClientId>) -> Result<Change, (Option<String>, Checks)> {
    let mut checks = Checks::default();
    let Some(item) = read::<SyncTodo<'_>>(raw, &mut checks) else {
        return Err((None, checks));
    };
    let named = if let Field::Value(id) = &item.id { Some(id.0.clone().into_owned()) } else { None };
    let id = checks.required("id", item.id, todo_id);
    let edit = Edit {
        title: checks.not_null("text", item.text.or(item.title), title),
        description: checks.clearable("description", item.description, description),
        completed: checks.not_null("completed", item.completed, as_is),
    };
    let deleted_at = checks.optional("deleted_at", item.deleted_at, moment);
    let deleted = checks.not_null("deleted", item.deleted, as_is).or(deleted_at.map(|_| true));
    let base = checks.optional("version", item.version, as_is);
    let updated_at = checks.optional("updated_at", item.updated_at, moment);
    let created_at = checks.optional("created_at", item.created_at, moment);
    let own = checks.optional("client_id", item.client_id, client_id);
    match id {
        Some(id) if checks.passed() => Ok(Change {
            id,
            base: base.map_or(Base::Unknown, |version| Base::Version(version.0)),
            action: Action::Upsert(Upsert { edit, deleted, created_at, updated_at }),
            client_id: own.or_else(|| device.cloned()),
        }),
        _ => Err((named, checks)),
    }
}

impl Rejected {
    fn of(id: Option<String>, index: usize, checks: &Checks) -> Option<Self> {
        let problem = checks.first()?;
        Some(Self { id, index, error_code: problem.code, message: problem.message.clone() })
    }
}

impl<'a> Response<'a> {
    fn new(answer: &'a SyncAnswer, sent: &[Sent<'a>], rejected: Vec<Rejected>) -> Self {
        let mut response = Self {
            server_changes: answer.server_changes.iter().map(Todo::from).collect(),
            applied: Vec::new(),
            versions: BTreeMap::new(),
            conflicts: Vec::new(),
            rejected,
            has_more: answer.has_more,
            sync_timestamp: Moment(answer.cursor),
            epoch: &answer.epoch.0,
        };
        for (outcome, (id, index, raw)) in answer.outcomes.iter().zip(sent) {
            response.take(*id, outcome, *index, raw);
        }
        response.rejected.sort_by_key(|rejected| rejected.index);
        response
    }

    fn take(&mut self, id: Uuid, outcome: &'a Outcome, index: usize, raw: &'a RawValue) {
        let checks = match outcome {
            Outcome::Applied { todo, .. } => return self.apply(id, todo.version()),
            Outcome::Unchanged { todo, .. } => {
                return self.apply(id, todo.as_ref().map_or(0, domain::todo::Todo::version));
            }
            Outcome::Conflict(conflict) => return self.conflicts.push(Conflict::new(conflict, raw)),
            Outcome::Rejected(rejection) => rejected(*rejection),
            Outcome::IdInUse => Checks::of("id", &id_in_use()),
            Outcome::NotFound => Checks::of("id", &Fault::of(ErrorCode::TodoNotFound, "names no todo")),
        };
        self.rejected.extend(Rejected::of(Some(id.to_string()), index, &checks));
    }

    fn apply(&mut self, id: Uuid, version: i64) {
        self.applied.push(id);
        self.versions.insert(id, version);
    }
}
