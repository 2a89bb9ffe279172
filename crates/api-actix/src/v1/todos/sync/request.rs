//! The request of a device.

use std::cell::Cell;
use std::collections::HashMap;

use domain::Stamp;
use domain::sync::{Cursor, Epoch, SyncRequest, SyncTimestamp};
use domain::text::{ClientId, TextError};
use domain::todo::{Action, Base, Change, Description, Edit, Strategy, Title, Upsert};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::super::items::{Rejected, check_count, read, sent_todo_id};
use super::response::Sent;
use crate::error::Problem;
use crate::extract::{Entries, FieldError, Int, List, Member, Text, Validation, word};
use crate::pace::Pace;
use crate::state::State;
use crate::wire::{
    as_is, client_id, completed_schema, flag_schema, metadata, metadata_edit_schema, timestamp, todo_id,
    word_or_null,
};

/// The largest and the default `limit`.
const LIMIT_MAX: i64 = 1000;

const STRATEGIES: [(&str, Strategy); 4] = [
    ("manual", Strategy::Manual),
    ("merge", Strategy::Merge),
    ("last_write_wins", Strategy::LastWriteWins),
    ("client_wins", Strategy::ClientWins),
];

fn strategy_schema() -> Object {
    word_or_null(
        STRATEGIES.map(|(name, _)| name),
        "How to resolve conflicts, as `StrategyName` explains; `manual` by default.",
    )
}

/// The changes of a device, and its cursor.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SyncRequest, example = json!({
    "last_sync": null, "strategy": "manual", "client_id": "phone",
    "todos": [{"id": "550e8400-e29b-41d4-a716-446655440000", "text": "Buy milk", "version": 0}]
}))]
pub struct Request<'a> {
    /// The `sync_timestamp` of the last response, unchanged. Without it, the device syncs from the beginning.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>)]
    last_sync: Member<Text<'a>>,
    /// The `epoch` of the last response. It identifies the database history that the cursor belongs to.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>)]
    epoch: Member<Text<'a>>,
    #[serde(default, borrow)]
    #[schema(schema_with = strategy_schema, required = false)]
    strategy: Member<Text<'a>>,
    /// The name of the device, for todos without a `client_id`.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    client_id: Member<Text<'a>>,
    /// The largest number of changes to return; 1000 by default.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000)]
    limit: Member<Int>,
    #[serde(default)]
    #[schema(schema_with = include_deleted, required = false)]
    include_deleted: Member<bool>,
    /// The changes of the device, in order.
    #[serde(default, borrow)]
    #[schema(value_type = Option<Vec<SyncTodo>>, max_items = 1000)]
    todos: Member<List<'a>>,
}

/// A todo that the device created, changed, deleted or restored. Absent members remain unchanged. An invalid todo
/// is `rejected` without affecting the others.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"id": "550e8400-e29b-41d4-a716-446655440000", "completed": true, "version": 2}))]
struct SyncTodo<'a> {
    /// The todo's id, chosen by the device that creates it.
    #[serde(default, borrow)]
    #[schema(value_type = Uuid, required = true)]
    id: Member<Text<'a>>,
    /// What is to be done. Required for a new todo.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500)]
    text: Member<Text<'a>>,
    #[serde(default, borrow)]
    #[schema(ignore)]
    title: Member<Text<'a>>,
    /// Notes; null removes them.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Member<Text<'a>>,
    #[serde(default)]
    #[schema(schema_with = completed_schema, required = false)]
    completed: Member<bool>,
    #[serde(default, borrow)]
    #[schema(schema_with = metadata_edit_schema, required = false)]
    metadata: Member<Entries<'a>>,
    #[serde(default)]
    #[schema(schema_with = deleted, required = false)]
    deleted: Member<bool>,
    /// Deletes the todo if `deleted` is absent.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Member<Text<'a>>,
    /// The version on which the change is based. Without it, any state of the server conflicts.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    version: Member<Int>,
    /// When the device changed the todo, by its own clock. Required for `last_write_wins`.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Member<Text<'a>>,
    /// When the todo was created. A time in the future counts as now.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Member<Text<'a>>,
    /// When a new todo was completed, if it is completed. A time in the future counts as now.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Member<Text<'a>>,
    #[serde(default)]
    #[schema(schema_with = healing, required = false)]
    healing: Member<bool>,
    /// The device that changed the todo.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    client_id: Member<Text<'a>>,
}

impl<'a> Request<'a> {
    pub fn parse(self, state: &State) -> Result<(SyncRequest, Vec<Sent<'a>>, Vec<Rejected>), Problem> {
        let mut validation = Validation::default();
        let last_sync = validation.optional("last_sync", self.last_sync, timestamp::<SyncTimestamp>);
        let epoch = validation.optional("epoch", self.epoch, as_is).map(|epoch| Epoch(epoch.0.into_owned()));
        let strategy = validation.optional("strategy", self.strategy, |text| word(&text.0, &STRATEGIES));
        let device = validation.optional("client_id", self.client_id, client_id);
        let limit = validation.optional("limit", self.limit, |limit| match limit.0 {
            1..=LIMIT_MAX => u32::try_from(limit.0).map_err(|_| FieldError::invalid("is out of range")),
            _ => {
                Err(FieldError::invalid(format!("must be between 1 and {LIMIT_MAX}")).with("max", LIMIT_MAX))
            }
        });
        let include_deleted = validation.optional("include_deleted", self.include_deleted, as_is);
        let include_deleted = include_deleted.unwrap_or(false);
        let todos = validation.optional("todos", self.todos, as_is).map_or_else(Vec::new, |list| list.0);
        validation.finish()?;
        check_count(todos.len(), state.settings.batch_limit)?;
        let (mut changes, mut sent, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
        // As in the domain, a change is rejected with an earlier one of the same todo.
        let mut invalid = HashMap::new();
        let mut pace = Pace::start();
        for (index, raw) in todos.into_iter().enumerate() {
            pace.step();
            match change(raw, device.as_ref()) {
                Ok(change) => {
                    if let Some(earlier) = invalid.get(&change.id).filter(|_| change.rests_on_earlier()) {
                        rejected.extend(Rejected::new(index, raw, earlier));
                    } else {
                        sent.push((change.id.0, index, raw));
                        changes.push(change);
                    }
                }
                Err(validation) => {
                    rejected.extend(Rejected::new(index, raw, &validation));
                    if let Some(id) = sent_todo_id(raw) {
                        invalid.entry(id).or_insert(validation);
                    }
                }
            }
        }
        let cursor = Cursor { since: last_sync, epoch };
        let limit = limit.unwrap_or_else(|| u32::try_from(LIMIT_MAX).unwrap_or(u32::MAX));
        let strategy = strategy.unwrap_or_default();
        Ok((SyncRequest { cursor, strategy, changes, limit, include_deleted }, sent, rejected))
    }
}

/// Parses one todo.
fn change(raw: &RawValue, device: Option<&ClientId>) -> Result<Change, Validation> {
    let mut validation = Validation::of_item();
    let Some(item) = read::<SyncTodo<'_>>(raw, &mut validation) else {
        return Err(validation);
    };
    let normalised = Cell::new(false);
    let title = |text: Text<'_>| {
        let parsed = Title::parse(&text.0)?;
        normalised.set(normalised.get() || parsed.as_str() != text.0);
        Ok::<_, TextError>(parsed)
    };
    let description = |text: Text<'_>| {
        let parsed = Description::parse(&text.0)?;
        normalised.set(normalised.get() || parsed.as_str() != text.0);
        Ok::<_, TextError>(parsed)
    };
    let id = validation.required("id", item.id, todo_id);
    let edit = Edit {
        title: validation.optional("text", item.text.or_if_null(item.title), title),
        description: validation.clearable("description", item.description, description),
        completed: validation.optional("completed", item.completed, as_is),
        metadata: metadata(&mut validation, item.metadata),
    };
    let deleted_at = validation.optional("deleted_at", item.deleted_at, timestamp::<Stamp>);
    let deleted = validation.optional("deleted", item.deleted, as_is).or(deleted_at.map(|_| true));
    let base = validation.optional("version", item.version, as_is);
    let updated_at = validation.optional("updated_at", item.updated_at, timestamp);
    let created_at = validation.optional("created_at", item.created_at, timestamp);
    let completed_at = validation.optional("completed_at", item.completed_at, timestamp);
    let healing = validation.optional("healing", item.healing, as_is).unwrap_or(false);
    let client_id = validation.optional("client_id", item.client_id, client_id);
    match id {
        Some(id) if validation.is_ok() => Ok(Change {
            id,
            base: base.map_or(Base::Unknown, |version| Base::Version(version.0)),
            action: Action::Upsert(Upsert {
                edit,
                deleted,
                created_at,
                completed_at,
                updated_at,
                normalised: normalised.get(),
                healing,
            }),
            client_id: client_id.or_else(|| device.cloned()),
        }),
        _ => Err(validation),
    }
}

fn include_deleted() -> Object {
    flag_schema(
        "Whether a sync from the beginning returns tombstones too; false by default. Later ones always do.",
    )
}

fn deleted() -> Object {
    flag_schema("`true` deletes the todo, `false` restores it.")
}

fn healing() -> Object {
    flag_schema(
        "Whether the device gives back a todo that the server acknowledged and then lost, such as by the \
         restore of a backup. Send the whole todo, with `deleted` and `version` 0.",
    )
}
