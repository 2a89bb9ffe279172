//! The operations of both groups of paths, once the caller is known.

use std::sync::Arc;

use actix_web::http::StatusCode;
use domain::TodoId;
use domain::code::ErrorCode;
use domain::session::Principal;
use domain::todo::{Edit, NewTodo, Outcome, Todo, TodoNumber};

use super::dto::Task;
use crate::error::{HandlerResult, Problem};
use crate::state::State;
use crate::wire::{changed_todo, json, message, with_location};

/// Creates a task. `list` is the path of its list.
pub async fn create(state: &State, principal: &Principal, new: NewTodo, list: &str) -> HandlerResult {
    let outcome = state.todos.create(principal.user, TodoId(state.secrets.uuid()), new, None).await?;
    let todo = changed(outcome)?;
    let response = json(StatusCode::CREATED, &Task::new(principal, &todo));
    Ok(with_location(response, &format!("{list}/{}", todo.number().0)))
}

pub async fn get(state: &State, principal: &Principal, id: &str) -> HandlerResult {
    let todo = state.todos.get_by_number(principal.user, number(id)?).await?;
    Ok(json(StatusCode::OK, &Task::new(principal, &todo.ok_or_else(Problem::todo_not_found)?)))
}

pub async fn edit(state: &State, principal: &Principal, id: &str, edit: Edit) -> HandlerResult {
    let outcome = state.todos.edit_by_number(principal.user, number(id)?, edit).await?;
    Ok(json(StatusCode::OK, &Task::new(principal, &*changed(outcome)?)))
}

pub async fn toggle(state: &State, principal: &Principal, id: &str) -> HandlerResult {
    let outcome = state.todos.toggle_by_number(principal.user, number(id)?).await?;
    Ok(json(StatusCode::OK, &Task::new(principal, &*changed(outcome)?)))
}

pub async fn delete(state: &State, principal: &Principal, id: &str) -> HandlerResult {
    let outcome = state.todos.delete_by_number(principal.user, number(id)?).await?;
    // These contracts do not show tombstones, so a request to delete one finds nothing.
    if matches!(outcome, Some(Outcome::Unchanged { .. })) {
        return Err(Problem::todo_not_found());
    }
    changed(outcome)?;
    Ok(message("Task deleted successfully"))
}

/// Parses a task's id. If it is not a number in its shortest form, no such task exists.
fn number(id: &str) -> Result<TodoNumber, Problem> {
    let number = id.parse().ok().filter(|number: &i64| *number > 0 && number.to_string() == id);
    number.map(TodoNumber).ok_or_else(Problem::todo_not_found)
}

fn changed(outcome: Option<Outcome>) -> Result<Arc<Todo>, Problem> {
    changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)
}
