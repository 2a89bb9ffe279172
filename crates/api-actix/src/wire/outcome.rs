//! The responses to the outcomes of lists and changes.

use std::sync::Arc;

use domain::Stamp;
use domain::code::ErrorCode;
use domain::sync::{StaleCursor, StaleReason};
use domain::todo::{self, ListOutcome, Outcome, Page, Rejection};
use serde::Serialize;

use super::metadata::metadata_error;
use super::{StrategyName, Todo};
use crate::error::Problem;
use crate::extract::{FieldError, Validation};

/// The todo after an accepted change, or the problem of a refused one. `None` for the deletion of a todo
/// that never existed. `conflict` is the error code of a version conflict.
pub fn changed_todo(
    outcome: Option<Outcome>,
    conflict: ErrorCode,
) -> Result<Option<Arc<todo::Todo>>, Problem> {
    match outcome.ok_or_else(Problem::account_gone)? {
        Outcome::Applied { todo, .. } => Ok(Some(todo)),
        Outcome::Unchanged { todo, .. } => Ok(todo),
        Outcome::Conflict(found) => Err(conflict_problem(&found, conflict)),
        Outcome::NotFound => Err(Problem::todo_not_found()),
        Outcome::TextGone => Err(Problem::todo_text_gone()),
        Outcome::IdInUse(_) => Err(id_in_use().on("id")),
        Outcome::Rejected(Rejection::Quota { limit }) => Err(Problem::new(
            ErrorCode::QuotaReached,
            format!("The account has reached its limit of {limit} todos"),
        )
        .with("max", limit)),
        Outcome::Rejected(Rejection::ByteQuota { limit }) => Err(Problem::new(
            ErrorCode::QuotaReached,
            format!("The account has reached its limit of {limit} bytes of text"),
        )
        .with("max", limit)),
        Outcome::Rejected(reason) => Err(rejection(reason).into()),
    }
}

/// The page, or the problem of a list without one.
pub fn listed(outcome: ListOutcome) -> Result<Page, Problem> {
    match outcome {
        ListOutcome::Done(page) => Ok(page),
        ListOutcome::StaleCursor(stale) => Err(resync_required(&stale)),
        ListOutcome::NoSuchUser => Err(Problem::account_gone()),
    }
}

/// The server cannot continue from the client's cursor.
pub fn resync_required(stale: &StaleCursor) -> Problem {
    let (reason, restored_to, message) = match stale.reason {
        StaleReason::Restored { restored_to } => (
            "restored",
            restored_to,
            "The server lost changes that this cursor includes, as after the restore of a backup: give back what it acknowledged after `restored_to`, and sync from there",
        ),
        StaleReason::Forgotten => (
            "forgotten",
            None,
            "The cursor is older than the deletions that the server remembers: keep the changes that you have not sent, and sync from the beginning",
        ),
    };
    Problem::new(ErrorCode::ResyncRequired, message)
        .with("reason", reason)
        .with("epoch", stale.epoch.as_str())
        .with("restored_to", restored_to.map(Stamp::to_rfc3339))
        .with("horizon", stale.horizon.to_rfc3339())
}

fn conflict_problem(conflict: &todo::Conflict, code: ErrorCode) -> Problem {
    let detail = "Version conflict: the request is not based on the todo's current version; `details` has its \
                  current state";
    Problem::new(code, detail)
        .with("client_version", conflict.base)
        .with("server_version", conflict.current.version())
        .with("server_data", value(&Todo::from(&*conflict.current)))
        .with("resolution_strategy", value(&StrategyName::from(conflict.strategy)))
}

fn value(part: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// The error of an id that is taken.
pub fn id_in_use() -> FieldError {
    FieldError::new(ErrorCode::IdInUse, "is already in use, with other content")
}

/// The errors of a rejected item of a batch. An exceeded quota is an error of the list that
/// contains the item, not of a member of the item.
pub fn rejection(reason: Rejection) -> Validation {
    match reason {
        Rejection::Quota { limit } => {
            let message = format!("would exceed the account's limit of {limit} todos");
            Validation::of("todos", &FieldError::new(ErrorCode::QuotaReached, message).with("max", limit))
        }
        Rejection::ByteQuota { limit } => {
            let message = format!("would exceed the account's limit of {limit} bytes of text");
            Validation::of("todos", &FieldError::new(ErrorCode::QuotaReached, message).with("max", limit))
        }
        Rejection::TitleRequired => Validation::of(
            "text",
            &FieldError::new(
                ErrorCode::FieldRequired,
                "is required to create a todo, or to restore one whose text is gone",
            ),
        ),
        Rejection::UpdatedAtRequired => Validation::of(
            "updated_at",
            &FieldError::new(ErrorCode::FieldRequired, "is required under last_write_wins"),
        ),
        Rejection::Metadata(error) => Validation::of("metadata", &metadata_error(error)),
    }
}
