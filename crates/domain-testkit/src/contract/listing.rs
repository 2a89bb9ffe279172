//! Sorting, filtering and paging of a list.

use std::cmp::Ordering;

use domain::text::sort_key;
use domain::todo::query::{Filter, ListKey, ListQuery, Order, SortBy};
use domain::todo::{NewTodo, PART_BYTES, Todo};
use domain::{TodoId, UserId};

use crate::Harness;
use crate::build::{T0, at, complete, content, create, create_as, delete, description, todo_id};

/// Todos with equal and different titles and times, active, completed and deleted, not in the order
/// of their ids.
async fn a_mixed_list(h: &Harness) -> UserId {
    let user = h.user().await;
    let mut ids: Vec<_> = (0..14).map(|_| todo_id()).collect();
    ids.reverse();
    let titles = ["b", "B", "a", "Ä", "ä", "Z", "z", "10", "9", "_", "\u{fffd}", "😀", "a b", "ab"];
    for (place, (id, text)) in ids.iter().zip(titles).enumerate() {
        let place = place as u64;
        let created_at =
            (!place.is_multiple_of(3)).then(|| T0.minus(std::time::Duration::from_secs(place / 4)));
        let new = NewTodo { created_at, ..content(text) };
        h.applied_at(user, create_as(*id, new), at(place)).await;
    }
    for place in [7, 2, 11, 4, 0] {
        h.applied_at(user, complete(ids[place], true), at(30)).await;
    }
    h.apply(user, [delete(ids[2]), delete(ids[5]), delete(ids[6])]).await;
    user
}

/// Compares all combinations of filter, sort, order, tombstones and `since`, page by page, with a
/// simple model.
pub async fn every_combination_of_filter_and_order_is_correct(h: Harness) {
    let user = a_mixed_list(&h).await;
    let everything = h.everything(user).await;
    let since = everything[5].updated_at();
    for filter in [Filter::All, Filter::Active, Filter::Completed] {
        for sort in [SortBy::CreatedAt, SortBy::CompletedAt, SortBy::Title] {
            for order in [Order::Ascending, Order::Descending] {
                for (include_deleted, since) in
                    [(false, None), (true, None), (false, Some(since)), (true, Some(since))]
                {
                    let query =
                        ListQuery { filter, sort, order, include_deleted, since, ..ListQuery::default() };
                    assert_pages(&h, user, &query, &model(&everything, &query)).await;
                }
            }
        }
    }
}

async fn assert_pages(h: &Harness, user: UserId, query: &ListQuery, expected: &[&Todo]) {
    for limit in [4, 50] {
        let mut got: Vec<Todo> = Vec::new();
        loop {
            let page = h.list(user, &ListQuery { limit, offset: got.len() as u64, ..query.clone() }).await;
            assert_eq!(page.total, expected.len() as u64, "the total of {query:?}");
            if page.todos.is_empty() {
                break;
            }
            got.extend(page.todos);
            assert!(got.len() <= expected.len(), "the pages end: {query:?}");
        }
        let show = |todos: &mut dyn Iterator<Item = &Todo>| {
            todos.map(|todo| (todo.title().as_str().to_owned(), todo.id())).collect::<Vec<_>>()
        };
        assert_eq!(show(&mut got.iter()), show(&mut expected.iter().copied()), "pages of {limit}: {query:?}");
    }
}

fn model<'a>(todos: &'a [Todo], query: &ListQuery) -> Vec<&'a Todo> {
    let mut found: Vec<_> = todos
        .iter()
        .filter(|todo| !todo.deleted() || query.include_deleted)
        .filter(|todo| query.filter != Filter::Active || !todo.completed())
        .filter(|todo| query.filter != Filter::Completed || todo.completed())
        .filter(|todo| query.since.is_none_or(|since| since < todo.updated_at()))
        .collect();
    found.sort_by(|a, b| {
        let turned = |ordering: Ordering| match query.order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        let by = match (query.sort, a.completed_at(), b.completed_at()) {
            (SortBy::CreatedAt, ..) => turned(a.created_at().cmp(&b.created_at())),
            (SortBy::Title, ..) => turned(sort_key(a.title().as_str()).cmp(&sort_key(b.title().as_str()))),
            (SortBy::CompletedAt, Some(a), Some(b)) => turned(a.cmp(&b)),
            (SortBy::CompletedAt, a, b) => a.is_none().cmp(&b.is_none()),
        };
        by.then(a.id().cmp(&b.id()))
    });
    found
}

async fn titles(h: &Harness, user: UserId, sort: SortBy, order: Order) -> Vec<String> {
    let page = h.list(user, &ListQuery { sort, order, ..ListQuery::default() }).await;
    page.todos.iter().map(|todo| todo.title().as_str().to_owned()).collect()
}

/// Titles are ordered as people order them, whatever the database's collation.
pub async fn titles_are_ordered_as_people_order_them(h: Harness) {
    let user = h.user().await;
    let in_order =
        ["_", "!", "😀", "10", "9", "a", "Ä", "a b", "a-c", "ab", "B", "ñandú", "ß", "Z", "Я", "日本"];
    let mut shuffled = in_order;
    shuffled.reverse();
    shuffled.swap(3, 9);
    h.apply(user, shuffled.map(|title| create(todo_id(), title))).await;
    assert_eq!(titles(&h, user, SortBy::Title, Order::Ascending).await, in_order);
    let mut reversed = in_order;
    reversed.reverse();
    assert_eq!(titles(&h, user, SortBy::Title, Order::Descending).await, reversed);
}

/// Todos with equal keys are in ascending order of ids in either direction.
pub async fn ties_are_broken_by_id(h: Harness) {
    let user = h.user().await;
    let mut ids: Vec<TodoId> = (0..6).map(|_| todo_id()).collect();
    let ascending = ids.clone();
    ids.reverse();
    ids.swap(1, 4);
    let spellings = ["same", "SAME", "Same"];
    h.apply(
        user,
        ids.iter()
            .zip(spellings.iter().cycle())
            .map(|(id, text)| create_as(*id, NewTodo { created_at: Some(T0), ..content(text) })),
    )
    .await;
    for sort in [SortBy::CreatedAt, SortBy::CompletedAt, SortBy::Title] {
        for order in [Order::Ascending, Order::Descending] {
            let page = h.list(user, &ListQuery { sort, order, ..ListQuery::default() }).await;
            let got: Vec<_> = page.todos.iter().map(Todo::id).collect();
            assert_eq!(got, ascending, "{sort:?}, {order:?}");
        }
    }
}

/// Sorted by completion time, completed todos come first in either direction.
pub async fn active_todos_come_last_by_completion_time(h: Harness) {
    let user = h.user().await;
    let [open, early, late, also_open] = [(); 4].map(|()| todo_id());
    h.apply(
        user,
        [create(open, "open 1"), create(early, "early"), create(late, "late"), create(also_open, "open 2")],
    )
    .await;
    h.applied_at(user, complete(early, true), at(1)).await;
    h.applied_at(user, complete(late, true), at(2)).await;
    let by_completion = async |order| titles(&h, user, SortBy::CompletedAt, order).await;
    assert_eq!(by_completion(Order::Ascending).await, ["early", "late", "open 1", "open 2"]);
    assert_eq!(by_completion(Order::Descending).await, ["late", "early", "open 1", "open 2"]);
}

/// The first page, the last one, the one after it, one far beyond, and pages of one todo.
pub async fn page_edges_are_exact(h: Harness) {
    let user = h.user().await;
    let empty = h.list(user, &ListQuery::default()).await;
    assert_eq!((empty.total, empty.todos.len()), (0, 0), "a new list is empty");
    let ids: Vec<_> = (0..6).map(|_| todo_id()).collect();
    h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await;
    let cases: [(u64, u32, &[usize]); 9] = [
        (0, 1, &[0]),
        (5, 1, &[5]),
        (6, 1, &[]),
        (0, 6, &[0, 1, 2, 3, 4, 5]),
        (3, 3, &[3, 4, 5]),
        (4, 3, &[4, 5]),
        (1_000_000, 50, &[]),
        (u64::MAX, 100, &[]),
        (2, u32::MAX, &[2, 3, 4, 5]),
    ];
    for (offset, limit, places) in cases {
        let query = ListQuery { offset, limit, order: Order::Ascending, ..ListQuery::default() };
        let page = h.list(user, &query).await;
        let got: Vec<_> = page.todos.iter().map(Todo::id).collect();
        let expected: Vec<_> = places.iter().map(|place| ids[*place]).collect();
        assert_eq!((got, page.total), (expected, 6), "offset {offset}, limit {limit}");
    }
}

/// With `since` and tombstones, a client learns of every change, deletions included.
pub async fn since_finds_later_changes_and_deletions(h: Harness) {
    let user = h.user().await;
    let [a, b, c] = [(); 3].map(|()| todo_id());
    h.apply(user, [create(a, "a"), create(b, "b"), create(c, "c")]).await;
    let since = Some(h.clock(user).await);
    h.apply(user, [delete(b), complete(c, true)]).await;
    let ids = async |include_deleted| {
        let query = ListQuery { since, include_deleted, order: Order::Ascending, ..ListQuery::default() };
        h.list(user, &query).await.todos.iter().map(Todo::id).collect::<Vec<_>>()
    };
    assert_eq!(ids(false).await, [c]);
    assert_eq!(ids(true).await, [b, c]);
}

/// A long list, read part by part: whatever the size of the parts, each todo comes once, the newest first.
/// A part ends when its texts are long enough.
pub async fn a_long_list_comes_in_parts_without_gap_or_repeat(h: Harness) {
    let user = a_mixed_list(&h).await;
    let everything = h.everything(user).await;
    for filter in [Filter::All, Filter::Active, Filter::Completed] {
        let query = ListQuery { filter, ..ListQuery::default() };
        for limit in [1, 2, 5, 1000] {
            let mut got: Vec<Todo> = Vec::new();
            loop {
                let after = got.last().map(ListKey::from);
                let part = h.todos.newest_after(user, filter, after, limit).await.expect("it answers");
                let part = part.expect("the user exists");
                assert!(part.len() as u64 <= u64::from(limit));
                if part.is_empty() {
                    break;
                }
                got.extend(part);
            }
            let ids = |todos: &mut dyn Iterator<Item = &Todo>| todos.map(Todo::id).collect::<Vec<_>>();
            let expected = model(&everything, &query);
            assert_eq!(ids(&mut got.iter()), ids(&mut expected.into_iter()), "{filter:?}, parts of {limit}");
        }
    }
    let unknown = h.todos.newest_after(UserId(todo_id().0), Filter::All, None, 10).await;
    assert!(unknown.expect("it answers").is_none());

    let user = h.user().await;
    let long = || NewTodo { description: Some(description(&"y".repeat(10_000))), ..content("x") };
    h.apply(user, (0..300).map(|_| create_as(todo_id(), long()))).await;
    let part = h.todos.newest_after(user, Filter::All, None, 1000).await.expect("it answers");
    assert_eq!(part.expect("the user exists").len(), PART_BYTES / 10_001 + 1);
}
