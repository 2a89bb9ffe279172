//! `/todos`

use actix_web::http::StatusCode;
use actix_web::{get, post, web};
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::todo::query::{Filter, ListQuery, Order, SortBy};
use domain::{TodoId, UserId};
use serde::Serialize;
use utoipa::{PartialSchema as _, ToSchema};

use super::dto::{Create, Item};
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, Int, Query, Validation, flag, number, word};
use crate::per_user_gate::HeavyWork;
use crate::schema::NamedSchema;
use crate::state::State;
use crate::wire::{changed_todo, json, listed, with_location, with_memory};

/// The default number of todos per page.
const PAGE: i64 = 20;
/// The maximum number of todos per page.
const PAGE_MAX: i64 = 100;

/// The sort key.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `SORTS` in the document")]
enum TodoItemSort {
    /// The time of creation.
    CreatedAt,
    /// The time of completion. Todos that are not completed come last.
    CompletedAt,
    /// The title, as people sort (the root collation of CLDR). Upper and lower case are not distinguished.
    Title,
}

const SORTS: [(&str, SortBy); 3] =
    [("created_at", SortBy::CreatedAt), ("completed_at", SortBy::CompletedAt), ("title", SortBy::Title)];

/// The sort direction.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `ORDERS` in the document")]
enum SortOrder {
    /// Descending: the newest or alphabetically last first.
    Desc,
    /// Ascending: the oldest or alphabetically first first.
    Asc,
}

const ORDERS: [(&str, Order); 2] = [("desc", Order::Descending), ("asc", Order::Ascending)];

/// The schemas of query parameters.
pub fn parameter_schemas() -> [NamedSchema; 2] {
    [
        (TodoItemSort::name().into_owned(), TodoItemSort::schema()),
        (SortOrder::name().into_owned(), SortOrder::schema()),
    ]
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoItemPage)]
struct Page<'a> {
    /// The todos on the page.
    items: Vec<Item<'a>>,
    /// The number of todos on all pages.
    #[schema(example = 1)]
    total: u64,
    /// The number of todos before the page.
    #[schema(example = 0)]
    skip: u64,
    /// The largest number of todos on the page.
    #[schema(example = 20)]
    limit: u32,
    /// Whether more todos follow.
    #[schema(example = false)]
    has_more: bool,
}

/// List todos
///
/// Returns one page of the list.
#[utoipa::path(
    operation_id = "listTodoItems",
    tag = "Token contract",
    security(("bearer" = [])),
    params(
        ("skip" = Option<i64>, Query, minimum = 0, maximum = 9_007_199_254_740_991i64, description = "The number of todos to skip; 0 by default"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "The largest number of todos to return; 20 by default"),
        ("is_completed" = Option<bool>, Query, description = "Only completed todos, or only those that are not completed"),
        ("sort_by" = Option<TodoItemSort>, Query, description = "The sort key; `created_at` by default. Ties are sorted by id"),
        ("sort_order" = Option<SortOrder>, Query, description = "The sort direction; `desc` by default")
    ),
    responses((status = 200, description = "The page.", body = Page))
)]
#[get("/todos")]
pub(super) async fn list(state: web::Data<State>, caller: Caller, query: Query) -> HandlerResult {
    let user = caller.may(Scope::TodosRead)?;
    let list_query = parse(&query)?;
    let is_costly = list_query.is_costly();
    let read = read(state.clone(), user, list_query);
    if is_costly { state.run_alone(&caller.0, HeavyWork::Read, read).await } else { read.await }
}

async fn read(state: web::Data<State>, user: UserId, list_query: ListQuery) -> HandlerResult {
    let memory = state.reserve_page(user, list_query.limit).await?;
    let page = listed(state.todos.list(user, &list_query).await?)?;
    let seen = list_query.offset + page.todos.len() as u64;
    let body = Page {
        items: page.todos.iter().map(|todo| Item::new(user, todo)).collect(),
        total: page.total,
        skip: list_query.offset,
        limit: list_query.limit,
        has_more: seen < page.total,
    };
    Ok(with_memory(json(StatusCode::OK, &body), memory))
}

/// Create a todo
///
/// Creates a todo that is not completed.
#[utoipa::path(
    operation_id = "createTodoItem",
    tag = "Token contract",
    security(("bearer" = [])),
    request_body(content = Create, description = "The todo"),
    responses(
        (status = 201, description = "The todo is created.", body = Item, headers(("Location" = String, description = "The path of the todo."))),
        (status = 409, description = "`QUOTA_001`: the account has too many todos, or too much text.")
    )
)]
#[post("/todos")]
pub(super) async fn create(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let new = body.read::<Create<'_>>()?.parse()?;
    let outcome = state.todos.create(user, TodoId(state.secrets.uuid()), new, None).await?;
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    let response = json(StatusCode::CREATED, &Item::new(user, &todo));
    Ok(with_location(response, &format!("/todos/{}", todo.id())))
}

fn parse(query: &Query) -> Result<ListQuery, Problem> {
    let mut validation = Validation::default();
    let skip = query.get(&mut validation, "skip", |text| number(text, 0, Int::MAX)).unwrap_or(0);
    let limit = query.get(&mut validation, "limit", |text| number(text, 1, PAGE_MAX)).unwrap_or(PAGE);
    let completed = query.get(&mut validation, "is_completed", flag);
    let sort = query.get(&mut validation, "sort_by", |text| word(text, &SORTS));
    let order = query.get(&mut validation, "sort_order", |text| word(text, &ORDERS));
    validation.finish()?;
    let filter = match completed {
        None => Filter::All,
        Some(false) => Filter::Active,
        Some(true) => Filter::Completed,
    };
    Ok(ListQuery {
        filter,
        sort: sort.unwrap_or_default(),
        order: order.unwrap_or_default(),
        offset: u64::try_from(skip).unwrap_or(0),
        limit: u32::try_from(limit).unwrap_or(0),
        ..ListQuery::default()
    })
}
