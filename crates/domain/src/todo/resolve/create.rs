//! Creations.

use std::sync::Arc;

use super::context::ResolveContext;
use crate::time::Stamp;
use crate::todo::change::{Change, NewTodo, Upsert};
use crate::todo::entity::Todo;
use crate::todo::event::EventKind;
use crate::todo::field::Versions;
use crate::todo::metadata::Metadata;
use crate::todo::outcome::{Outcome, Rejection};

/// The todo that an upsert of an unknown id creates. `None` if the upsert has no title.
pub(super) fn new_todo(upsert: &Upsert) -> Option<NewTodo> {
    Some(NewTodo {
        title: upsert.edit.title.clone()?,
        description: upsert.edit.description.clone().flatten(),
        completed: upsert.edit.completed.unwrap_or(false),
        metadata: upsert.edit.metadata.clone(),
        created_at: upsert.created_at,
        completed_at: upsert.completed_at,
    })
}

pub(super) fn create(new: &NewTodo, change: &Change, context: &ResolveContext<'_>) -> Outcome {
    let mut metadata = Metadata::default();
    for (key, value) in &new.metadata {
        metadata.set(key, value.as_ref(), Versions::FIRST.version);
    }
    if let Err(error) = metadata.check_growth(&Metadata::default()) {
        return Outcome::Rejected(Rejection::Metadata(error));
    }
    let todo = Todo {
        title: Some(new.title.clone()),
        description: new.description.clone(),
        metadata,
        ..first_version(change, new.completed, [new.created_at, new.completed_at], context)
    };
    let client_is_current = change.is_verbatim(&todo);
    Outcome::Applied { todo: Arc::new(todo), event: EventKind::Created, client_is_current }
}

/// Keeps the deletion of a todo that the server lost altogether.
pub(super) fn create_tombstone(upsert: &Upsert, change: &Change, context: &ResolveContext<'_>) -> Outcome {
    let completed = upsert.edit.completed.unwrap_or(false);
    let instants = [upsert.created_at, upsert.completed_at];
    let todo =
        Todo { deleted_at: Some(context.stamp), ..first_version(change, completed, instants, context) };
    // The device may hold texts, which the tombstone does not.
    Outcome::Applied { todo: Arc::new(todo), event: EventKind::Deleted, client_is_current: false }
}

/// A new todo without texts and metadata. The client names when it was created and completed.
fn first_version(
    change: &Change,
    completed: bool,
    [created_at, completed_at]: [Option<Stamp>; 2],
    context: &ResolveContext<'_>,
) -> Todo {
    let past = |at: Option<Stamp>| at.filter(|at| *at <= context.now).unwrap_or(context.stamp);
    Todo {
        id: change.id,
        number: context.number,
        title: None,
        description: None,
        completed_at: completed.then(|| past(completed_at)),
        created_at: past(created_at),
        updated_at: context.stamp,
        deleted_at: None,
        client_id: change.client_id.clone(),
        versions: Versions::FIRST,
        metadata: Metadata::default(),
    }
}

pub(super) fn same_content(todo: &Todo, new: &NewTodo) -> bool {
    *todo.title() == new.title
        && todo.description == new.description
        && todo.completed() == new.completed
        && todo.metadata.is_what(&new.metadata)
}
