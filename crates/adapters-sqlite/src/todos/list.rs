//! Pages of a user's list.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use domain::UserId;
use domain::todo::query::{Filter, ListKey, ListQuery, Order, SortBy};
use domain::todo::{Page, Todo};

use super::{read, sync_state};
use crate::epochs::EpochCache;
use crate::error::Failure;
use crate::functions::{contains_words, title_key};
use crate::interrupt::not_interrupted;
use crate::readers::in_snapshot;
use crate::rows::{Id, MAX_IDS_PER_STATEMENT, TodoRow, convert_all};
use crate::schema::todos;
use crate::tables;

pub(super) fn page(
    conn: &mut SqliteConnection,
    cache: &EpochCache,
    user: UserId,
    query: &ListQuery,
) -> Result<Option<Page>, Failure> {
    in_snapshot(conn, |conn| {
        let Some(state) = sync_state::load(conn, cache, user)? else {
            return Ok(None);
        };
        let rows =
            if query.is_costly() { sorted_rows(conn, user, query) } else { newest(conn, user, query) }?;
        let total = if is_whole_list(query) {
            u64::from(state.row.live)
        } else {
            let count: i64 = matching(user, query).count().get_result(conn)?;
            u64::try_from(count).unwrap_or(0)
        };
        Ok(Some(Page { todos: convert_all(rows)?, total, position: state.position() }))
    })
}

/// The part of the list of the newest todos that follows `after`.
pub(super) fn newest_after(
    conn: &mut SqliteConnection,
    user: UserId,
    filter: Filter,
    after: Option<ListKey>,
    limit: u32,
) -> Result<Option<Vec<Todo>>, Failure> {
    in_snapshot(conn, |conn| {
        if !tables::users::exists(conn, user)? {
            return Ok(None);
        }
        let query = ListQuery { filter, ..ListQuery::default() };
        let mut found = matching(user, &query);
        if let Some(ListKey { created_at, id }) = after {
            let created_at = created_at.as_micros();
            found = found.filter(
                // The first condition limits the range of the index that is read.
                todos::created_at
                    .le(created_at)
                    .and(todos::created_at.lt(created_at).or(todos::id.gt(Id::from(id)))),
            );
        }
        let rows = sorted(found, query.sort, query.order).limit(i64::from(limit));
        let (todos, _) = read::part(conn, rows.select(TodoRow::as_select()), limit)?;
        Ok(Some(todos))
    })
}

/// The rows of a page of the newest live todos, which an index has in the right order. They are
/// few, so nothing interrupts this read; and not boxed, because diesel builds the text of a boxed
/// query each time.
fn newest(conn: &mut SqliteConnection, user: UserId, query: &ListQuery) -> QueryResult<Vec<TodoRow>> {
    todos::table
        .filter(todos::user_id.eq(Id::from(user)))
        .filter(todos::deleted_at.is_null())
        .order((todos::created_at.desc(), todos::id.asc()))
        .limit(i64::from(query.limit))
        .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .select(TodoRow::as_select())
        .load(conn)
}

/// The rows of a page that SQLite has to sort. It sorts the ids alone: with whole rows, it would hold the
/// texts of all todos before the page in memory.
fn sorted_rows(conn: &mut SqliteConnection, user: UserId, query: &ListQuery) -> QueryResult<Vec<TodoRow>> {
    let ids: Vec<Id> = page_of(user, query).select(todos::id).load(conn)?;
    let mut rows = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(MAX_IDS_PER_STATEMENT) {
        let found: Vec<(Id, TodoRow)> = todos::table
            .filter(todos::user_id.eq(Id::from(user)))
            .filter(todos::id.eq_any(ids))
            .select((todos::id, TodoRow::as_select()))
            .load(conn)?;
        rows.extend(found.into_iter().map(|(id, row)| (id.0, row)));
    }
    Ok(ids.iter().filter_map(|id| rows.remove(&id.0)).collect())
}

fn page_of(user: UserId, query: &ListQuery) -> todos::BoxedQuery<'static, Sqlite> {
    sorted(matching(user, query), query.sort, query.order)
        .limit(i64::from(query.limit))
        .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
}

/// Whether the query matches exactly the live todos, which `users.live_todos` counts.
fn is_whole_list(query: &ListQuery) -> bool {
    query.filter == Filter::All
        && query.search.words().is_empty()
        && query.since.is_none()
        && !query.include_deleted
}

fn matching(user: UserId, query: &ListQuery) -> todos::BoxedQuery<'static, Sqlite> {
    let mut found =
        todos::table.filter(todos::user_id.eq(Id::from(user))).filter(not_interrupted()).into_boxed();
    if !query.include_deleted {
        found = found.filter(todos::deleted_at.is_null());
    }
    found = match query.filter {
        Filter::All => found,
        Filter::Active => found.filter(todos::completed_at.is_null()),
        Filter::Completed => found.filter(todos::completed_at.is_not_null()),
    };
    if let Some(since) = query.since {
        found = found.filter(todos::updated_at.gt(since.as_micros()));
    }
    // A word contains no white space.
    let words = query.search.words().join(" ");
    if !words.is_empty() {
        found = found.filter(contains_words(todos::title, todos::description, words));
    }
    found
}

/// Binary values compare byte by byte.
fn sorted(
    found: todos::BoxedQuery<'static, Sqlite>,
    by: SortBy,
    order: Order,
) -> todos::BoxedQuery<'static, Sqlite> {
    match (by, order) {
        (SortBy::CreatedAt, Order::Ascending) => found.order(todos::created_at.asc()),
        (SortBy::CreatedAt, Order::Descending) => found.order(todos::created_at.desc()),
        (SortBy::CompletedAt, Order::Ascending) => {
            found.order((todos::completed_at.is_null().asc(), todos::completed_at.asc()))
        }
        (SortBy::CompletedAt, Order::Descending) => {
            found.order((todos::completed_at.is_null().asc(), todos::completed_at.desc()))
        }
        (SortBy::Title, Order::Ascending) => found.order(title_key(todos::title).asc()),
        (SortBy::Title, Order::Descending) => found.order(title_key(todos::title).desc()),
    }
    .then_order_by(todos::id.asc())
}
