//! `/api/v1/todos`

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, LINK};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::code::ErrorCode;
use domain::session::Scope;
use domain::todo::query::{Filter, ListQuery, Order, Search, SortBy};
use domain::todo::{Outcome, Page};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::{PartialSchema as _, ToSchema};

use super::input::TodoCreate;
use super::response::single;
use crate::error::{HandlerResult, Problem};
use crate::extract::{Body, Caller, FieldError, Query, Validation, flag, number, word};
use crate::per_user_gate::HeavyWork;
use crate::schema::NamedSchema;
use crate::state::State;
use crate::wire::{Todo, changed_todo, json, listed, timestamp_in_query, with_location, with_memory};

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const X_SYNC_TIMESTAMP: HeaderName = HeaderName::from_static("x-sync-timestamp");

/// The default number of todos per page.
const PER_PAGE: u32 = 50;
/// The number of the last page that a client can request. It keeps offsets far below the limits of
/// the databases.
const LAST_PAGE: i64 = 1_000_000_000;
/// The maximum number of characters in a search.
const SEARCH_MAX: usize = 500;

/// A filter by completion.
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

/// The sort order.
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

/// The schemas of query parameters.
pub fn parameter_schemas() -> [NamedSchema; 2] {
    [
        (TodoFilter::name().into_owned(), TodoFilter::schema()),
        (TodoSort::name().into_owned(), TodoSort::schema()),
    ]
}

/// List todos
///
/// Returns one page of the list. With `since`, the list contains the todos that changed after that cursor; with
/// `include_deleted`, it contains tombstones too. The next `since` is the `X-Sync-Timestamp` of the first page.
///
/// Each page shows the list as it is at that moment: when a todo is created or deleted between two pages, the next page
/// can repeat or miss one. `POST /api/v1/todos/sync` misses none.
#[utoipa::path(
    operation_id = "listTodos",
    tag = "Todos",
    security(("bearer" = [])),
    params(
        ("filter" = Option<TodoFilter>, Query, description = "The todos to list; `all` by default"),
        ("search" = Option<String>, Query, max_length = 500, pattern = r"^[^\u0000]*$",
         description = "Words that must all occur in the text or the description. Upper and lower case are not distinguished"),
        ("sort" = Option<TodoSort>, Query,
         description = "The sort order; `newest` by default. `alpha` sorts by text as people do (the root collation of CLDR), without distinguishing case. Ties are sorted by id"),
        ("page" = Option<i64>, Query, minimum = 1, maximum = 1_000_000_000, description = "The number of the page, from 1"),
        ("per_page" = Option<i64>, Query, minimum = 1, maximum = 100, description = "The largest number of todos on a page; 50 by default"),
        ("since" = Option<String>, Query, format = DateTime, description = "Only todos that changed after this cursor"),
        ("include_deleted" = Option<bool>, Query, description = "Whether to list tombstones too")
    ),
    responses(
        (status = 200, description = "The page.", body = Vec<Todo>, headers(
            ("X-Total-Count" = u64, description = "The number of todos on all pages."),
            ("X-Sync-Timestamp" = String, description = "The cursor up to which the page is complete."),
            ("Link" = String, description = "The first, previous, next and last page (RFC 8288).")
        )),
        (status = 410, description = "`SYNC_001`: the server cannot continue from `since`; list from the beginning.")
    )
)]
#[get("/todos")]
pub(super) async fn list(
    state: web::Data<State>,
    caller: Caller,
    query: Query,
    request: HttpRequest,
) -> HandlerResult {
    let user = caller.may(Scope::TodosRead)?;
    let list_query = parse(&query, state.settings.page_limit)?;
    let path = request.path().to_owned();
    let is_costly = list_query.is_costly();
    let read = {
        let state = state.clone();
        async move {
            let memory = state.reserve_page(user, list_query.limit).await?;
            let page = listed(state.todos.list(user, &list_query).await?)?;
            Ok(with_memory(response(&list_query, &page, &path, &query), memory))
        }
    };
    if is_costly { state.run_alone(&caller.0, HeavyWork::Read, read).await } else { read.await }
}

/// Create a todo
///
/// Creates a todo with the given id, or with a new one. Repeating the request with the same content creates
/// nothing and returns the stored todo.
#[utoipa::path(
    operation_id = "createTodo",
    tag = "Todos",
    security(("bearer" = [])),
    request_body(content = TodoCreate, description = "The todo"),
    responses(
        (status = 201, description = "The todo is created.", body = Todo,
         headers(("ETag" = String, description = "The todo's version."), ("Location" = String, description = "The path of the todo."))),
        (status = 200, description = "The todo already exists with the same content.", body = Todo,
         headers(("ETag" = String, description = "The todo's version."))),
        (status = 409, description = "`CONFLICT_003`: the id is in use with other content. `QUOTA_001`: the account has too many todos, or too much text.")
    )
)]
#[post("/todos")]
pub(super) async fn create(state: web::Data<State>, caller: Caller, body: Body) -> HandlerResult {
    let user = caller.may(Scope::TodosWrite)?;
    let mut validation = Validation::default();
    let parsed = body.read::<TodoCreate<'_>>()?.parse(&mut validation, user, &*state.secrets);
    let Some((id, new, client_id)) = parsed else { return Err(validation.into()) };
    let outcome = state.todos.create(user, id, new, client_id).await?;
    let created = matches!(outcome, Some(Outcome::Applied { .. }));
    let todo = changed_todo(outcome, ErrorCode::VersionMismatch)?.ok_or_else(Problem::unexpected)?;
    if created {
        let path = format!("/api/v1/todos/{}", todo.id());
        Ok(with_location(single(StatusCode::CREATED, &todo), &path))
    } else {
        Ok(single(StatusCode::OK, &todo))
    }
}

fn parse(query: &Query, page_limit: u32) -> Result<ListQuery, Problem> {
    let mut validation = Validation::default();
    let filter = query.get(&mut validation, "filter", |text| word(text, &FILTERS));
    let search = query.get(&mut validation, "search", search);
    let sort = query.get(&mut validation, "sort", |text| word(text, &SORTS));
    let page = query.get(&mut validation, "page", |text| number(text, 1, LAST_PAGE)).unwrap_or(1);
    let per_page = query.get(&mut validation, "per_page", |text| number(text, 1, page_limit.into()));
    let since = query.get(&mut validation, "since", timestamp_in_query);
    let include_deleted = query.get(&mut validation, "include_deleted", flag).unwrap_or(false);
    validation.finish()?;
    let limit =
        per_page.and_then(|size| u32::try_from(size).ok()).unwrap_or_else(|| PER_PAGE.min(page_limit));
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

fn search(text: &str) -> Result<Search, FieldError> {
    let got = text.chars().count();
    if got > SEARCH_MAX {
        let message = format!("must be at most {SEARCH_MAX} characters long; it has {got}");
        return Err(FieldError::new(ErrorCode::ValueTooLong, message)
            .with("max", SEARCH_MAX)
            .with("got", got));
    }
    if text.contains('\0') {
        return Err(FieldError::invalid("must not contain the character NUL"));
    }
    Ok(Search::parse(text))
}

fn response(list_query: &ListQuery, page: &Page, path: &str, query: &Query) -> HttpResponse {
    let todos: Vec<_> = page.todos.iter().map(Todo::from).collect();
    let mut response = json(StatusCode::OK, &todos);
    let headers = [
        (X_TOTAL_COUNT, page.total.to_string()),
        (X_SYNC_TIMESTAMP, page.position.clock.to_string()),
        (LINK, links(list_query, page.total, path, query)),
    ];
    for (name, value) in headers {
        if let Ok(value) = value.try_into() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn links(list_query: &ListQuery, total: u64, path: &str, query: &Query) -> String {
    let per_page = u64::from(list_query.limit);
    let (current, last) = (list_query.offset / per_page + 1, total.div_ceil(per_page).max(1));
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
