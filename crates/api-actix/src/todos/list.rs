//! The list.

use actix_web::http::StatusCode;
use actix_web::{get, web};
use domain::session::Scope;
use domain::todo::query::{Filter, ListQuery, Order, SortBy};
use serde::Serialize;
use utoipa::{PartialSchema as _, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::dto::Item;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Caller, Checks, Int, Query, flag, number, word};
use crate::schema::NamedSchema;
use crate::shared::json;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// Todos on a page where the client does not say.
const PAGE: i64 = 20;
/// The most todos on a page.
const PAGE_MAX: i64 = 100;

/// By what they are ordered.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `SORTS` in the document")]
enum TodoItemSort {
    /// By when they were created.
    CreatedAt,
    /// By when they were done; those not done come last.
    CompletedAt,
    /// By title, whatever its case.
    Title,
}

const SORTS: [(&str, SortBy); 3] =
    [("created_at", SortBy::CreatedAt), ("completed_at", SortBy::CompletedAt), ("title", SortBy::Title)];

/// In which direction.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `ORDERS` in the document")]
enum SortOrder {
    /// Newest or last first.
    Desc,
    /// Oldest or first first.
    Asc,
}

const ORDERS: [(&str, Order); 2] = [("desc", Order::Descending), ("asc", Order::Ascending)];

/// The schemas that only parameters name.
pub(crate) fn parameter_schemas() -> [NamedSchema; 2] {
    [
        (TodoItemSort::name().into_owned(), TodoItemSort::schema()),
        (SortOrder::name().into_owned(), SortOrder::schema()),
    ]
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TodoItemPage)]
struct Page<'a> {
    /// The todos.
    items: Vec<Item<'a>>,
    /// How many there are on all pages.
    #[schema(example = 1)]
    total: u64,
    /// How many were left out at the start.
    #[schema(example = 0)]
    skip: u64,
    /// The most that were asked for.
    #[schema(example = 20)]
    limit: u32,
    /// Whether there are more after these.
    #[schema(example = false)]
    has_more: bool,
}

/// List todos
///
/// Gives one page of the list.
#[utoipa::path(
    operation_id = "listTodoItems",
    tag = "Token contract",
    security(("bearer" = [])),
    params(
        ("skip" = Option<i64>, Query, minimum = 0, maximum = 9_007_199_254_740_991i64, description = "How many to leave out at the start; 0 by default"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "The most to give; 20 by default"),
        ("is_completed" = Option<bool>, Query, description = "Only those done, or only those not done"),
        ("sort_by" = Option<TodoItemSort>, Query, description = "By what they are ordered, ties by id; `created_at` by default"),
        ("sort_order" = Option<SortOrder>, Query, description = "In which direction; `desc` by default")
    ),
    responses((status = 200, description = "The page.", body = Page))
)]
#[get("/todos")]
async fn list(api: web::Data<Api>, caller: Caller, query: Query) -> Answer {
    let user = caller.may(Scope::TodosRead)?;
    let asked = parse(&query)?;
    let page = api.todos.list(user, &asked).await?.ok_or_else(Problem::account_gone)?;
    let seen = asked.offset + page.todos.len() as u64;
    let body = Page {
        items: page.todos.iter().map(|todo| Item::new(user, todo)).collect(),
        total: page.total,
        skip: asked.offset,
        limit: asked.limit,
        has_more: seen < page.total,
    };
    Ok(json(StatusCode::OK, &body))
}

fn parse(query: &Query) -> Result<ListQuery, Problem> {
    let mut checks = Checks::default();
    let skip = query.get(&mut checks, "skip", |text| number(text, 0, Int::MAX)).unwrap_or(0);
    let limit = query.get(&mut checks, "limit", |text| number(text, 1, PAGE_MAX)).unwrap_or(PAGE);
    let completed = query.get(&mut checks, "is_completed", flag);
    let sort = query.get(&mut checks, "sort_by", |text| word(text, &SORTS));
    let order = query.get(&mut checks, "sort_order", |text| word(text, &ORDERS));
    checks.finish()?;
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
