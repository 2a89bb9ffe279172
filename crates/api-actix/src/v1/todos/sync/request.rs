//! The request of a device.

use std::collections::HashMap;

use domain::sync::{Cursor, Epoch, SyncRequest, SyncTimestamp};
use domain::todo::Strategy;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::super::items::{Rejected, check_count, sent_todo_id};
use super::item::{SyncTodo, change};
use super::response::Sent;
use crate::error::Problem;
use crate::extract::{FieldError, Int, List, Member, Text, Validation, word};
use crate::pace::Pace;
use crate::state::State;
use crate::wire::{as_is, client_id, flag_schema, timestamp, word_or_null};

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

fn include_deleted() -> Object {
    flag_schema(
        "Whether a sync from the beginning returns tombstones too; false by default. Later ones always do.",
    )
}
