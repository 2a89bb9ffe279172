//! Pages of a user's list.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use domain::UserId;
use domain::todo::Page;
use domain::todo::query::{Filter, ListQuery, Order, SortBy};

use super::sync_state;
use crate::error::Failure;
use crate::functions::contains_words;
use crate::readers::in_snapshot;
use crate::rows::{Id, TodoRow, convert_all};
use crate::schema::todos;

pub(super) fn page(
    conn: &mut SqliteConnection,
    user: UserId,
    query: &ListQuery,
) -> Result<Option<Page>, Failure> {
    in_snapshot(conn, |conn| {
        let Some(state) = sync_state::load(conn, user)? else {
            return Ok(None);
        };
        let rows = sorted(matching(user, query), query.sort, query.order)
            .limit(i64::from(query.limit))
            .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
            .select(TodoRow::as_select())
            .load(conn)?;
        let total = if is_whole_list(query) {
            u64::from(state.row.live)
        } else {
            let count: i64 = matching(user, query).count().get_result(conn)?;
            u64::try_from(count).unwrap_or(0)
        };
        Ok(Some(Page { todos: convert_all(rows)?, total, position: state.position() }))
    })
}

/// Whether the query matches exactly the live todos, which `users.live_todos` counts.
fn is_whole_list(query: &ListQuery) -> bool {
    query.filter == Filter::All
        && query.search.words().is_empty()
        && query.since.is_none()
        && !query.include_deleted
}

fn matching(user: UserId, query: &ListQuery) -> todos::BoxedQuery<'static, Sqlite> {
    let mut found = todos::table.filter(todos::user_id.eq(Id::from(user))).into_boxed();
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
        found = found.filter(contains_words(todos::title_folded, todos::description_folded, words));
    }
    found
}

/// Text compares byte by byte, which in UTF-8 is the order of code points.
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
        (SortBy::Title, Order::Ascending) => found.order(todos::title_folded.asc()),
        (SortBy::Title, Order::Descending) => found.order(todos::title_folded.desc()),
    }
    .then_order_by(todos::id.asc())
}
