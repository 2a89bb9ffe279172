//! The response to a device.

use std::collections::BTreeMap;

use domain::code::ErrorCode;
use domain::sync::{SyncAnswer, SyncTimestamp};
use domain::todo::{self, Outcome};
use metrics::counter;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::items::Rejected;
use crate::extract::{FieldError, Validation};
use crate::rfc3339::Rfc3339;
use crate::wire::{Conflict, Todo, id_in_use, rejection};

/// A valid todo of the request: its id, its index, and its JSON text.
pub type Sent<'a> = (Uuid, usize, &'a RawValue);

/// The result of each change, and the changes that the device does not have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncResponse)]
pub struct Response<'a> {
    /// The todos that changed after `last_sync`, including tombstones, in the order of their changes, without
    /// those that the device has because it sent them.
    server_changes: Vec<Todo<'a>>,
    /// The ids of the todos that are as the device sent them.
    applied: Vec<Uuid>,
    /// The versions of the `applied` todos; 0 for the deletion of a todo that the server never had.
    versions: BTreeMap<Uuid, i64>,
    /// The `updated_at` of the `applied` todos, apart from those with version 0.
    #[schema(value_type = BTreeMap<Uuid, DateTime<Utc>>)]
    stamps: BTreeMap<Uuid, Rfc3339>,
    /// The changes that were refused, in whole or in part, because the todo had changed.
    conflicts: Vec<Conflict<'a>>,
    /// The todos that are invalid, whatever their version.
    rejected: Vec<Rejected>,
    /// Whether there are more changes. If so, sync again from `sync_timestamp`.
    has_more: bool,
    /// The cursor for the next sync. Store and return the text unchanged: it may have more digits than a parsed
    /// timestamp keeps.
    #[schema(value_type = String, example = "2026-01-09T10:30:00.000000Z")]
    sync_timestamp: Rfc3339<SyncTimestamp>,
    /// The database history that the cursor belongs to.
    #[schema(example = "0b5a3c1e-6f0d-4c55-9a4b-8d0f6a2b7c11")]
    epoch: &'a str,
    /// The digest of the user's live todos as of `sync_timestamp`: 16 hexadecimal digits. Null while there are more
    /// changes.
    #[schema(required = true, value_type = Option<String>, min_length = 16, max_length = 16, example = "0cb768816dcee777")]
    digest: Option<String>,
}

impl<'a> Response<'a> {
    pub fn new(answer: &'a SyncAnswer, sent: &[Sent<'a>], rejected: Vec<Rejected>) -> Self {
        let mut response = Self {
            server_changes: answer.server_changes.iter().map(Todo::from).collect(),
            applied: Vec::new(),
            versions: BTreeMap::new(),
            stamps: BTreeMap::new(),
            conflicts: Vec::new(),
            rejected,
            has_more: answer.has_more,
            sync_timestamp: Rfc3339(answer.sync_timestamp),
            epoch: answer.epoch.as_str(),
            digest: answer.digest.map(|digest| digest.to_string()),
        };
        for (outcome, (id, index, raw)) in answer.outcomes.iter().zip(sent) {
            response.add(*id, outcome, *index, raw);
        }
        response.rejected.sort_by_key(Rejected::index);
        response
    }

    /// Counts the changes of the device by their outcome.
    pub fn count(&self) {
        let outcomes = [
            ("applied", self.applied.len()),
            ("contested", self.conflicts.len()),
            ("rejected", self.rejected.len()),
        ];
        for (outcome, changes) in outcomes {
            // Finding a counter costs more than adding to it, and most devices send nothing.
            if changes > 0 {
                counter!("sync_changes_total", "outcome" => outcome).increment(changes as u64);
            }
        }
    }

    fn add(&mut self, id: Uuid, outcome: &'a Outcome, index: usize, raw: &'a RawValue) {
        let validation = match outcome {
            Outcome::Applied { todo, .. } => return self.apply(id, Some(todo)),
            Outcome::Unchanged { todo, .. } => return self.apply(id, todo.as_deref()),
            Outcome::Conflict(conflict) => return self.conflicts.push(Conflict::new(conflict, raw)),
            Outcome::Rejected(reason) => rejection(*reason),
            Outcome::IdInUse(_) => Validation::of("id", &id_in_use()),
            Outcome::NotFound | Outcome::TextGone => {
                Validation::of("id", &FieldError::new(ErrorCode::TodoNotFound, "is not the id of a todo"))
            }
        };
        self.rejected.extend(Rejected::new(index, raw, &validation));
    }

    fn apply(&mut self, id: Uuid, todo: Option<&todo::Todo>) {
        self.applied.push(id);
        self.versions.insert(id, todo.map_or(0, todo::Todo::version));
        self.stamps.extend(todo.map(|todo| (id, Rfc3339(todo.updated_at()))));
    }
}
