//! What a device sends.

use domain::sync::{Cursor, Epoch, SyncRequest, SyncTimestamp};
use domain::text::{ClientId, TextError};
use domain::todo::{Action, Base, Change, Edit, Strategy, Title, Upsert};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::super::{as_is, client_id};
use super::super::bulk::{read, too_many};
use super::super::input::{description, moment, no_moment, todo_id};
use super::response::Rejected;
use crate::Api;
use crate::error::Problem;
use crate::extract::{Checks, Fault, Field, Int, List, Text, word};
use crate::wire::StrategyName;

const MOST_CHANGES: i64 = 1000;

const STRATEGIES: [(&str, Strategy); 4] = [
    ("manual", Strategy::Manual),
    ("merge", Strategy::Merge),
    ("last_write_wins", Strategy::LastWriteWins),
    ("client_wins", Strategy::ClientWins),
];

/// What a device changed, and up to where it has seen everything.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SyncRequest, example = json!({
    "last_sync": null, "strategy": "manual", "client_id": "phone",
    "todos": [{"id": "550e8400-e29b-41d4-a716-446655440000", "text": "Buy milk", "version": 0}]
}))]
pub struct Request<'a> {
    /// The `sync_timestamp` of the last answer, as it came; null or absent: from the beginning.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>)]
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

/// A todo that was sent and can be applied: its id, which of them it is, and its very text.
pub type Sent<'a> = (Uuid, usize, &'a RawValue);

impl<'a> Request<'a> {
    pub fn parse(self, api: &Api) -> Result<(SyncRequest, Vec<Sent<'a>>, Vec<Rejected>), Problem> {
        let mut checks = Checks::default();
        let last_sync = checks.optional("last_sync", self.last_sync, sync_timestamp);
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
        let cursor = Cursor { since: last_sync, epoch };
        let limit = limit.unwrap_or_else(|| u32::try_from(MOST_CHANGES).unwrap_or(u32::MAX));
        let strategy = strategy.unwrap_or_default();
        Ok((SyncRequest { cursor, strategy, changes, limit }, sent, rejected))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a parser is given what the field holds")]
fn sync_timestamp(text: Text<'_>) -> Result<SyncTimestamp, Fault> {
    text.0.parse().map_err(|_| no_moment())
}

/// Reads one todo; what is wrong with it, and its id if that could be read.
fn change(raw: &RawValue, device: Option<&ClientId>) -> Result<Change, (Option<String>, Checks)> {
    let mut checks = Checks::default();
    let Some(item) = read::<SyncTodo<'_>>(raw, &mut checks) else {
        return Err((None, checks));
    };
    let named = if let Field::Value(id) = &item.id { Some(id.0.clone().into_owned()) } else { None };
    let mut normalised = false;
    let title = |text: Text<'_>| {
        let parsed = Title::parse(&text.0)?;
        normalised |= parsed.as_str() != text.0;
        Ok::<_, TextError>(parsed)
    };
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
            action: Action::Upsert(Upsert { edit, deleted, created_at, updated_at, normalised }),
            client_id: own.or_else(|| device.cloned()),
        }),
        _ => Err((named, checks)),
    }
}
