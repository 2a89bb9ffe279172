//! The operations of both groups of paths, once the caller is known.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName};
use actix_web::{HttpResponse, web};
use domain::TodoId;
use domain::code::ErrorCode;
use domain::session::Principal;
use domain::todo::query::ListQuery;
use domain::todo::{Edit, NewTodo, Outcome, Todo, TodoNumber};

use super::dto::Task;
use super::window::Window;
use crate::error::{HandlerResult, Problem};
use crate::per_user_gate::HeavyWork;
use crate::state::State;
use crate::wire::{changed_todo, json, message, with_location};

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// How many bytes of a list are written before the worker serves other requests.
const YIELD_AFTER: usize = 64 * 1024;

/// The tasks of the window, the newest first.
pub async fn list(state: &web::Data<State>, principal: &Principal, window: Window) -> HandlerResult {
    let work = write_list(state.clone(), principal.clone(), window);
    state.run_alone(principal, HeavyWork::Read, work).await
}

async fn write_list(state: web::Data<State>, principal: Principal, window: Window) -> HandlerResult {
    let query = ListQuery { filter: window.filter, ..ListQuery::default() };
    let (page, skip) = match window.limit {
        Some(limit) => {
            let query = ListQuery { limit, offset: window.offset, ..query };
            (state.todos.list(principal.user, &query).await?, 0)
        }
        None => (state.todos.list_all(principal.user, &query).await?, window.offset),
    };
    let page = page.ok_or_else(Problem::account_gone)?;
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut body = vec![b'['];
    let mut yield_at = YIELD_AFTER;
    for (nth, todo) in page.todos.iter().skip(skip).enumerate() {
        if nth > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut body, &Task::new(&principal, todo)).map_err(|_| Problem::unexpected())?;
        if body.len() > yield_at {
            yield_at = body.len() + YIELD_AFTER;
            tokio::task::yield_now().await;
        }
    }
    body.push(b']');
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((X_TOTAL_COUNT, page.total.to_string()))
        .body(body))
}

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
