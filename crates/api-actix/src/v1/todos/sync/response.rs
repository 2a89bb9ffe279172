//! What a device is answered.

use std::collections::BTreeMap;

use domain::code::ErrorCode;
use domain::sync::SyncAnswer;
use domain::todo::Outcome;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::request::Sent;
use crate::error::ProblemCode;
use crate::extract::{Checks, Fault};
use crate::moment::SyncTimestamp;
use crate::wire::{Conflict, Todo, id_in_use, rejection};

/// What became of the changes, and what the device has not seen yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncResponse)]
pub struct Response<'a> {
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
    /// The cursor for the next sync: the stamp up to which the device now knows everything. It is to be sent back as it is, a text: some
    /// have more digits than a time keeps that was read and written again.
    #[schema(value_type = String, example = "2026-01-09T10:30:00.000000Z")]
    sync_timestamp: SyncTimestamp,
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
pub struct Rejected {
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

impl Rejected {
    pub fn of(id: Option<String>, index: usize, checks: &Checks) -> Option<Self> {
        let problem = checks.first()?;
        Some(Self { id, index, error_code: problem.code, message: problem.message.clone() })
    }
}

impl<'a> Response<'a> {
    pub fn new(answer: &'a SyncAnswer, sent: &[Sent<'a>], rejected: Vec<Rejected>) -> Self {
        let mut response = Self {
            server_changes: answer.server_changes.iter().map(Todo::from).collect(),
            applied: Vec::new(),
            versions: BTreeMap::new(),
            conflicts: Vec::new(),
            rejected,
            has_more: answer.has_more,
            sync_timestamp: SyncTimestamp(answer.sync_timestamp),
            epoch: answer.epoch.as_str(),
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
                return self.apply(id, todo.as_ref().map_or(0, |todo| todo.version()));
            }
            Outcome::Conflict(conflict) => return self.conflicts.push(Conflict::new(conflict, raw)),
            Outcome::Rejected(reason) => rejection(*reason),
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
