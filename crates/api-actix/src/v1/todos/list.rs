//! The list.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, LINK};
use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::Stamp;
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::sync::Cursor;
use domain::todo::Page;
use domain::todo::query::{Filter, ListQuery, Order, Search, SortBy};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::{PartialSchema as _, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::super::json;
use super::input::no_moment;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Caller, Checks, Fault, Query, flag, number, word};
use crate::moment::Moment;
use crate::schema::NamedSchema;
use crate::turns::{Heavy, in_turn};
use crate::wire::Todo;

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const X_SYNC_TIMESTAMP: HeaderName = HeaderName::from_static("x-sync-timestamp");

/// Todos on a page where the client does not say.
const PAGE: u32 = 50;
/// The last page that can be asked for: offsets stay far within what databases count.
const LAST_PAGE: i64 = 1_000_000_000;
/// The most characters of a search.
const SEARCH_MAX: usize = 500;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// Which todos.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `FILTERS` in the document")]
enum TodoFilter {
    All,
    Active,
    Completed,
}

const FILTERS: [(&str, Filter); 3] =
    [("all", Filter::All), ("active", Filter::Active), ("completed", Filter::Completed)];

/// In which order.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of `SORTS` in the document")]
enum TodoSort {
    Newest,
    Oldest,
    Alpha,
}

const SORTS: [(&str, (SortBy, Order)); 3] = [
    ("newest", (SortBy::CreatedAt, Order::Descending)),
    ("oldest", (SortBy::CreatedAt, Order::Ascending)),
    ("alpha", (SortBy::Title, Order::Ascending)),
];

/// The schemas that only parameters name.
pub(crate) fn parameter_schemas() -> [NamedSchema; 2] {
    [
        (TodoFilter::name().into_owned(), TodoFilter::schema()),
        (TodoSort::name().into_owned(), TodoSort::schema()),
    ]
}

/// List todos
///
/// Gives one page of the list. With `since` it holds what changed after that cursor, with `include_deleted` the tombstones too; the
/// next `since` is the `X-Sync-Timestamp` of the first page.
#[utoipa::path(
    operation_id = "listTodos",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("filter" = Option<TodoFilter>, Query, description = "Which todos; `all` by default"),
        ("search" = Option<String>, Query, max_length = 500, pattern = r"^[^\u0000]*$",
         description = "Words that all have to occur somewhere in text or description, whatever their case"),
        ("sort" = Option<TodoSort>, Query,
         description = "In which order, ties by id: `newest` by default; `alpha` is by text, whatever its case"),
        ("page" = Option<i64>, Query, minimum = 1, maximum = 1_000_000_000, description = "Which page, from 1"),
        ("per_page" = Option<i64>, Query, minimum = 1, maximum = 100, description = "The most todos on a page; 50 by default"),
        ("since" = Option<String>, Query, format = DateTime, description = "Only what changed after this cursor"),
        ("include_deleted" = Option<bool>, Query, description = "Whether tombstones are listed too")
    ),
    responses(
        (status = 200, description = "The page.", body = Vec<Todo>, headers(
            ("X-Total-Count" = u64, description = "How many todos there are on all pages."),
            ("X-Sync-Timestamp" = String, description = "The cursor up to which the page is complete."),
            ("Link" = String, description = "The first, previous, next and last page (RFC 8288).")
        )),
        (status = 410, description = "`SYNC_001`: `since` can't be continued; list from the beginning.")
    )
)]
#[get("/todos")]
async fn list(api: web::Data<Api>, caller: Caller, query: Query, request: HttpRequest) -> Answer {
    let user = caller.may(Scope::TodosRead)?;
    let asked = parse(&query, api.settings.page_limit)?;
    let path = request.path().to_owned();
    // A search reads every todo of the user.
    let searches = !asked.search.words().is_empty();
    let read = {
        let api = api.clone();
        async move {
            let page = api.todos.list(user, &asked).await?.ok_or_else(Problem::account_gone)?;
            if !Cursor::at(asked.since).continues(&page.position) {
                return Err(resync_required());
            }
            Ok(answer(&asked, &page, &path, &query))
        }
    };
    if searches { in_turn(&api, &caller.0, Heavy::Read, read).await } else { read.await }
}

/// A cursor that can't be continued.
pub(super) fn resync_required() -> Problem {
    Problem::new(
        ErrorCode::ResyncRequired,
        "This cursor can't be continued; keep your unsent changes, drop the rest and sync from the beginning",
    )
}

fn parse(query: &Query, page_limit: u32) -> Result<ListQuery, Problem> {
    let mut checks = Checks::default();
    let filter = query.get(&mut checks, "filter", |text| word(text, &FILTERS));
    let search = query.get(&mut checks, "search", search);
    let sort = query.get(&mut checks, "sort", |text| word(text, &SORTS));
    let page = query.get(&mut checks, "page", |text| number(text, 1, LAST_PAGE)).unwrap_or(1);
    let per_page = query.get(&mut checks, "per_page", |text| number(text, 1, page_limit.into()));
    let since = query.get(&mut checks, "since", cursor);
    let include_deleted = query.get(&mut checks, "include_deleted", flag).unwrap_or(false);
    checks.finish()?;
    let limit = per_page.and_then(|size| u32::try_from(size).ok()).unwrap_or_else(|| PAGE.min(page_limit));
    let (sort, order) = sort.unwrap_or_default();
    Ok(ListQuery {
        filter: filter.unwrap_or_default(),
        search: search.unwrap_or_default(),
        sort,
        order,
        offset: u64::try_from(page - 1).unwrap_or(0) * u64::from(limit),
        limit,
        since,
        include_deleted,
    })
}

fn search(text: &str) -> Result<Search, Fault> {
    let got = text.chars().count();
    if got > SEARCH_MAX {
        let message = format!("must be at most {SEARCH_MAX} characters long, it has {got}");
        return Err(Fault::of(ErrorCode::ValueTooLong, message).with("max", SEARCH_MAX).with("got", got));
    }
    if text.contains('\0') {
        return Err(Fault::invalid("must not contain the character NUL"));
    }
    Ok(Search::parse(text))
}

/// A `+` that the client did not escape arrives as a blank.
fn cursor(text: &str) -> Result<Stamp, Fault> {
    Moment::parse(text).or_else(|| Moment::parse(&text.replace(' ', "+"))).ok_or_else(no_moment)
}

fn answer(asked: &ListQuery, page: &Page, path: &str, query: &Query) -> HttpResponse {
    let todos: Vec<_> = page.todos.iter().map(Todo::from).collect();
    let mut response = json(StatusCode::OK, &todos);
    let headers = [
        (X_TOTAL_COUNT, page.total.to_string()),
        (X_SYNC_TIMESTAMP, Moment(page.position.clock).to_string()),
        (LINK, links(asked, page.total, path, query)),
    ];
    for (name, value) in headers {
        if let Ok(value) = value.try_into() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn links(asked: &ListQuery, total: u64, path: &str, query: &Query) -> String {
    let per_page = u64::from(asked.limit);
    let (current, last) = (asked.offset / per_page + 1, total.div_ceil(per_page).max(1));
    let previous = (current > 1).then(|| (current - 1).min(last));
    let next = (current < last).then_some(current + 1);
    let mut kept = String::new();
    for name in ["filter", "search", "sort", "since", "include_deleted"] {
        if let Some(value) = query.value(name) {
            kept.extend([name, "="]);
            kept.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
            kept.push('&');
        }
    }
    let link = |(relation, page): (&str, Option<u64>)| {
        page.map(|page| format!("<{path}?{kept}page={page}&per_page={per_page}>; rel=\"{relation}\""))
    };
    let relations = [("first", Some(1)), ("prev", previous), ("next", next), ("last", Some(last))];
    relations.into_iter().filter_map(link).collect::<Vec<_>>().join(", ")
}
