//! One page of a list. One statement, and so one snapshot, selects the page, the total and the position.

use std::cmp::Ordering;

use diesel::sql_types::{Array, BigInt, Nullable, Record, Text, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::todo::query::{Filter, ListKey, ListQuery, Order, SortBy};
use domain::todo::{PART_BYTES, Todo};
use domain::{StoreError, UserId};

use super::part::{part_bytes, part_end, part_of_todos};
use crate::error::Failure;
use crate::rows::{
    PositionColumns, PositionRow, TodoColumns, TodoRow, no_todo_columns, position_columns, stored_bytes,
    timestamp, todo_columns,
};
use crate::sql::{Sql, sql};

/// A row has either the position and the total, or an [`ordinal`] and a todo. The position is one column, so that it costs
/// little in the rows of todos.
pub(crate) type PageColumns = (Nullable<Record<PositionColumns>>, BigInt, Nullable<TodoColumns>);
type PageRow = (Option<PositionRow>, i64, Option<TodoRow>);

/// Selects the position and the total, and the todos.
///
/// Selects no row if the user does not exist.
pub(crate) fn page(user: UserId, query: &ListQuery) -> Sql<'_, PageColumns> {
    let start = sql(concat!("select row(", position_columns!(), "), "));
    let total = if is_whole_list(query) {
        start.sql("u.live_todos::bigint")
    } else {
        matching(start.sql("(select count(*) from todos t where t.user_id = u.id"), query).sql(")")
    };
    let todos = total
        .sql(concat!(", ", no_todo_columns!(), " from users u where u.deleted_at is null and u.id = "))
        .bind::<Uuid, _>(user.0)
        .sql(" union all (select null, ")
        .sql(ordinal(query))
        .sql(concat!(", ", todo_columns!(), " from todos t where t.user_id = "))
        .bind::<Uuid, _>(user.0);
    matching(todos, query)
        .sql(order(query))
        .sql(" limit ")
        .bind::<BigInt, _>(i64::from(query.limit))
        .sql(" offset ")
        .bind::<BigInt, _>(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .sql(")")
}

/// The place of a todo on a page whose order its columns do not show. Its type is that of the total, so that PostgreSQL
/// converts no row.
const fn ordinal(query: &ListQuery) -> &'static str {
    match (query.sort, query.order) {
        (SortBy::CreatedAt | SortBy::CompletedAt, _) => "0::bigint",
        (SortBy::Title, Order::Ascending) => "row_number() over (order by t.title_key nulls first, t.id)",
        (SortBy::Title, Order::Descending) => {
            "row_number() over (order by t.title_key desc nulls last, t.id)"
        }
    }
}

/// Whether the query matches exactly the live todos, which `users.live_todos` counts.
fn is_whole_list(query: &ListQuery) -> bool {
    query.filter == Filter::All
        && !query.include_deleted
        && query.since.is_none()
        && query.search.words().is_empty()
}

fn matching<'a>(mut statement: Sql<'a, PageColumns>, query: &'a ListQuery) -> Sql<'a, PageColumns> {
    if !query.include_deleted {
        statement = statement.sql(" and t.deleted_at is null");
    }
    statement = match query.filter {
        Filter::All => statement,
        Filter::Active => statement.sql(" and t.completed_at is null"),
        Filter::Completed => statement.sql(" and t.completed_at is not null"),
    };
    if let Some(since) = query.since {
        statement = statement.sql(" and t.updated_at > ").bind::<Timestamptz, _>(timestamp(since));
    }
    if !query.search.words().is_empty() {
        // The text of the statement must not depend on the number of words.
        statement = statement
            .sql(" and not exists (select from unnest(")
            .bind::<Array<Text>, _>(query.search.words())
            .sql(
                "::text[]) as word where strpos(coalesce(t.title_folded, ''), word) = 0 \
                 and strpos(coalesce(t.description_folded, ''), word) = 0)",
            );
    }
    statement
}

const fn order(query: &ListQuery) -> &'static str {
    match (query.sort, query.order) {
        (SortBy::CreatedAt, Order::Ascending) => " order by t.created_at, t.id",
        (SortBy::CreatedAt, Order::Descending) => " order by t.created_at desc, t.id",
        (SortBy::CompletedAt, Order::Ascending) => " order by t.completed_at nulls last, t.id",
        (SortBy::CompletedAt, Order::Descending) => " order by t.completed_at desc nulls last, t.id",
        (SortBy::Title, Order::Ascending) => " order by t.title_key nulls first, t.id",
        (SortBy::Title, Order::Descending) => " order by t.title_key desc nulls last, t.id",
    }
}

/// The part of the list of the newest todos that follows `after`. If it is empty, selects one row without a todo;
/// no row if the user does not exist.
pub(crate) fn newest_after<'a>(
    user: UserId,
    filter: Filter,
    after: Option<ListKey>,
    limit: u32,
) -> Sql<'a, Nullable<TodoColumns>> {
    let selected = match filter {
        Filter::All => "",
        Filter::Active => " and t.completed_at is null",
        Filter::Completed => " and t.completed_at is not null",
    };
    let mut statement = sql(concat!(
        "select ",
        todo_columns!(),
        " from users u left join lateral (",
        part_of_todos!("t.created_at desc, t.id"),
        " where t.user_id = u.id and t.deleted_at is null"
    ))
    .sql(selected);
    if let Some(ListKey { created_at, id }) = after {
        statement = statement
            // This condition limits the range of the index that is read.
            .sql(" and t.created_at <= ")
            .bind::<Timestamptz, _>(timestamp(created_at))
            .sql(" and (t.created_at < ")
            .bind::<Timestamptz, _>(timestamp(created_at))
            .sql(" or t.id > ")
            .bind::<Uuid, _>(id.0)
            .sql(")");
    }
    statement
        .sql(" order by t.created_at desc, t.id limit ")
        .bind::<BigInt, _>(i64::from(limit))
        .sql(part_end!())
        .sql(" t on true where u.deleted_at is null and u.id = ")
        .bind::<Uuid, _>(user.0)
        .sql(" order by t.created_at desc, t.id")
}

pub(crate) fn read_part(rows: Vec<Option<TodoRow>>) -> Result<Option<Vec<Todo>>, StoreError> {
    if rows.is_empty() {
        return Ok(None);
    }
    let (mut todos, mut bytes) = (Vec::new(), 0);
    for row in rows.into_iter().flatten() {
        if bytes >= PART_BYTES as u64 {
            break;
        }
        let todo = Todo::try_from(row)?;
        bytes += todo.stored_bytes();
        todos.push(todo);
    }
    Ok(Some(todos))
}

/// Loads the position, and the page. Returns `None` if the user does not exist.
pub(super) async fn load(
    mut conn: &AsyncPgConnection,
    user: UserId,
    query: &ListQuery,
) -> Result<Option<(PositionRow, u64, Vec<Todo>)>, Failure> {
    let mut head = None;
    let mut todos = Vec::new();
    for (position, number, row) in page(user, query).load::<PageRow>(&mut conn).await? {
        if let Some(row) = row {
            todos.push((number, Todo::try_from(row)?));
        }
        head = position.map(|position| (position, number)).or(head);
    }
    let Some((position, total)) = head else { return Ok(None) };
    // The parts of a `union all` come in no particular order.
    todos.sort_by(|(a, first), (b, second)| a.cmp(b).then_with(|| compare(query, first, second)));
    let total = u64::try_from(total).map_err(|_| StoreError::corrupt("users", "live_todos", "negative"))?;
    Ok(Some((position, total, todos.into_iter().map(|(_, todo)| todo).collect())))
}

/// The order of todos whose columns show it.
fn compare(query: &ListQuery, a: &Todo, b: &Todo) -> Ordering {
    let turned = |ascending: Ordering| match query.order {
        Order::Ascending => ascending,
        Order::Descending => ascending.reverse(),
    };
    let by_key = match (query.sort, a.completed_at(), b.completed_at()) {
        (SortBy::CreatedAt, ..) => turned(a.created_at().cmp(&b.created_at())),
        (SortBy::CompletedAt, Some(a), Some(b)) => turned(a.cmp(&b)),
        (SortBy::CompletedAt, a, b) => a.is_none().cmp(&b.is_none()),
        (SortBy::Title, ..) => Ordering::Equal,
    };
    by_key.then_with(|| a.id().cmp(&b.id()))
}
