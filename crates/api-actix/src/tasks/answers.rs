//! What both trees of paths answer, once it is known who asks.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName, LOCATION};
use actix_web::{HttpResponse, web};
use domain::TodoId;
use domain::code::ErrorCode;
use domain::session::Principal;
use domain::todo::query::{Filter, ListQuery};
use domain::todo::{Edit, NewTodo, Outcome, Todo, TodoNumber};
use utoipa::{PartialSchema as _, ToSchema};

use super::dto::Task;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Checks, Int, Query, number as within, word};
use crate::schema::NamedSchema;
use crate::shared::{json, told};
use crate::turns::{Heavy, in_turn};
use crate::wire::changed_todo;

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// The most tasks on a page where the client wants pages.
const PAGE_MAX: i64 = 1000;
/// Bytes written before others get their turn.
const AT_ONCE: usize = 64 * 1024;

/// Which tasks.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `STATUSES` in the document")]
pub(super) enum TaskStatus {
    /// Whether done or not.
    All,
    /// Not yet done.
    Pending,
    /// Done.
    Completed,
}

const STATUSES: [(&str, Filter); 3] =
    [("all", Filter::All), ("pending", Filter::Active), ("completed", Filter::Completed)];

/// The schemas that only parameters name.
pub(crate) fn parameter_schemas() -> [NamedSchema; 1] {
    [(TaskStatus::name().into_owned(), TaskStatus::schema())]
}

/// Which part of the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    filter: Filter,
    /// The most to give; none for all.
    limit: Option<u32>,
    offset: u64,
}

impl Part {
    /// What `status` says, of the whole list.
    pub fn whole(query: &Query) -> Result<Self, Problem> {
        let mut checks = Checks::default();
        let filter = query.get(&mut checks, "status", |text| word(text, &STATUSES));
        checks.finish()?;
        Ok(Self { filter: filter.unwrap_or_default(), limit: None, offset: 0 })
    }

    /// What `status`, `limit` and `offset` say.
    pub fn paged(query: &Query) -> Result<Self, Problem> {
        let mut checks = Checks::default();
        let filter = query.get(&mut checks, "status", |text| word(text, &STATUSES));
        let limit = query.get(&mut checks, "limit", |text| within(text, 1, PAGE_MAX));
        let offset = query.get(&mut checks, "offset", |text| within(text, 0, Int::MAX)).unwrap_or(0);
        checks.finish()?;
        Ok(Self {
            filter: filter.unwrap_or_default(),
            limit: limit.and_then(|limit| u32::try_from(limit).ok()),
            offset: u64::try_from(offset).unwrap_or(0),
        })
    }
}

/// The tasks, the newest first.
pub(super) async fn list(api: &web::Data<Api>, principal: &Principal, part: Part) -> Answer {
    let written = written(api.clone(), principal.clone(), part);
    in_turn(api, principal, Heavy::Read, written).await
}

async fn written(api: web::Data<Api>, principal: Principal, part: Part) -> Answer {
    let query = ListQuery { filter: part.filter, ..ListQuery::default() };
    let (page, left_out) = match part.limit {
        Some(limit) => {
            let query = ListQuery { limit, offset: part.offset, ..query };
            (api.todos.list(principal.user, &query).await?, 0)
        }
        None => (api.todos.list_all(principal.user, &query).await?, part.offset),
    };
    let page = page.ok_or_else(Problem::account_gone)?;
    let left_out = usize::try_from(left_out).unwrap_or(usize::MAX);
    let mut body = vec![b'['];
    let mut turn = AT_ONCE;
    for (nth, todo) in page.todos.iter().skip(left_out).enumerate() {
        if nth > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut body, &Task::new(&principal, todo)).map_err(|_| Problem::unexpected())?;
        if body.len() > turn {
            turn = body.len() + AT_ONCE;
            tokio::task::yield_now().await;
        }
    }
    body.push(b']');
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((X_TOTAL_COUNT, page.total.to_string()))
        .body(body))
}

/// The task as created; `tree` is the path of the list it is in.
pub(super) async fn create(api: &Api, principal: &Principal, new: NewTodo, tree: &str) -> Answer {
    let outcome = api.todos.create(principal.user, TodoId(api.secrets.uuid()), new, None).await?;
    let todo = live(outcome)?;
    let mut response = json(StatusCode::CREATED, &Task::new(principal, &todo));
    if let Ok(location) = format!("{tree}/{}", todo.number().0).parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// The task.
pub(super) async fn get(api: &Api, principal: &Principal, id: &str) -> Answer {
    let todo = api.todos.get_by_number(principal.user, number(id)?).await?;
    Ok(json(StatusCode::OK, &Task::new(principal, &todo.ok_or_else(Problem::todo_not_found)?)))
}

/// The task after the changes.
pub(super) async fn edit(api: &Api, principal: &Principal, id: &str, edit: Edit) -> Answer {
    let outcome = api.todos.edit_by_number(principal.user, number(id)?, edit).await?;
    Ok(json(StatusCode::OK, &Task::new(principal, &*live(outcome)?)))
}

/// The task, done if it was not, and not if it was.
pub(super) async fn toggle(api: &Api, principal: &Principal, id: &str) -> Answer {
    let outcome = api.todos.toggle_by_number(principal.user, number(id)?).await?;
    Ok(json(StatusCode::OK, &Task::new(principal, &*live(outcome)?)))
}

/// That the task is deleted.
pub(super) async fn delete(api: &Api, principal: &Principal, id: &str) -> Answer {
    let outcome = api.todos.delete_by_number(principal.user, number(id)?).await?;
    // A tombstone stays one: these contracts know none.
    if matches!(outcome, Some(Outcome::Unchanged { .. })) {
        return Err(Problem::todo_not_found());
    }
    live(outcome)?;
    Ok(told("Task deleted successfully"))
}

/// Parses a task's id. A number in any form but the shortest does not exist.
fn number(id: &str) -> Result<TodoNumber, Problem> {
    let number = id.parse().ok().filter(|number: &i64| *number > 0 && number.to_string() == id);
    number.map(TodoNumber).ok_or_else(Problem::todo_not_found)
}

fn live(outcome: Option<Outcome>) -> Result<Arc<Todo>, Problem> {
    changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)
}
