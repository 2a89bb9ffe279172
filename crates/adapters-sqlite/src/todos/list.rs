//! Pages of a user's list.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::Sqlite;
use domain::UserId;
use domain::todo::Page;
use domain::todo::query::{Filter, ListQuery, Order, SortBy};

use super::standing;
use crate::error::Failure;
use crate::readers::in_snapshot;
use crate::rows::{Id, TodoRow, all};
use crate::schema::todos;

#[diesel::declare_sql_function]
extern "SQL" {
    /// Whether each of `words`, which spaces separate, occurs in `title` or in `description`. One function of all words,
    /// so that the statement is the same whatever their number: its plan is cached, and no depth limit is met.
    fn holds_words(title: Text, description: Nullable<Text>, words: Text) -> Bool;
}

/// Makes the functions that statements call known to a connection.
pub(crate) fn register_functions(conn: &mut SqliteConnection) -> QueryResult<()> {
    holds_words_utils::register_impl(conn, |title: String, description: Option<String>, words: String| {
        words
            .split(' ')
            .all(|word| title.contains(word) || description.as_ref().is_some_and(|d| d.contains(word)))
    })
}

pub(super) fn page(
    conn: &mut SqliteConnection,
    user: UserId,
    query: &ListQuery,
) -> Result<Option<Page>, Failure> {
    in_snapshot(conn, |conn| {
        let Some(standing) = standing(conn, user)? else {
            return Ok(None);
        };
        let rows = sorted(matching(user, query), query.sort, query.order)
            .limit(i64::from(query.limit))
            .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
            .select(TodoRow::as_select())
            .load(conn)?;
        let total = if is_whole_list(query) {
            u64::from(standing.live)
        } else {
            let count: i64 = matching(user, query).count().get_result(conn)?;
            u64::try_from(count).unwrap_or(0)
        };
        Ok(Some(Page { todos: all(rows)?, total, position: standing.position }))
    })
}

/// Whether the query finds every live todo and no other.
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
    // No word holds white space.
    let words = query.search.words().join(" ");
    if !words.is_empty() {
        found = found.filter(holds_words(todos::title_folded, todos::description_folded, words));
    }
    found
}

/// Texts compare by their bytes, which in UTF-8 is the order of code points.
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
