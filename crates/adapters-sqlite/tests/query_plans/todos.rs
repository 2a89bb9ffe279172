//! Todos: reads, lists, changes and the removal of old tombstones.

use adapters_sqlite::SqliteStore;
use domain::Stamp;
use domain::todo::query::{Filter, ListQuery, Order, Search, SortBy};
use domain::todo::{Base, Batch, StorageLimits, TodoNumber, TodoStore};
use domain_testkit::build::{T0, batch, create, delete, retitle, todo_id};

use crate::fill::TODOS;
use crate::planner::Planner;
use crate::{ANN, BREAD, MILK};

pub async fn reads(store: &SqliteStore, planner: &mut Planner) {
    assert!(store.get(ANN, MILK).await.expect("reads").is_some());
    planner.expect("get", &["SEARCH todos USING INDEX sqlite_autoindex_todos_1 (user_id=? AND id=?)"]);
    let number = TodoNumber(i64::from(499 * TODOS + 700));
    let found = store.get_by_number(ANN, number).await.expect("reads").expect("is there");
    assert_eq!(found.id(), MILK);
    planner.expect("get by number", &["SEARCH todos USING INDEX todos_number (number=?)"]);
    let changes =
        store.changes(ANN, Stamp::from_micros(500), true, 100).await.expect("reads").expect("the user");
    assert_eq!((changes.todos.len(), changes.has_more), (100, true));
    planner.expect("changes", &["SEARCH todos USING INDEX todos_changes (user_id=? AND updated_at>?)"]);
    store.position(ANN).await.expect("reads");
    planner
        .expect("position", &["SEARCH users USING PRIMARY KEY (id=?)", "SCALAR SUBQUERY 1", "SCAN epochs"]);
    store.changes(ANN, None, false, 100).await.expect("reads").expect("the user");
    planner.expect("live todos", &["SEARCH todos USING INDEX todos_changes (user_id=? AND updated_at>?)"]);
    assert!(store.belongs_to_another_user(ANN, MILK).await.expect("reads"));
    planner.expect("is another's", &["SEARCH todos USING INDEX todos_by_id (id=?)"]);
}

pub async fn lists(store: &SqliteStore, planner: &mut Planner) {
    let page = store.list(ANN, &ListQuery::default()).await.expect("reads").expect("the user");
    assert_eq!((page.todos.len(), page.total), (50, u64::from(TODOS - TODOS / 10)));
    planner.expect("the newest", &["SEARCH todos USING INDEX todos_live (user_id=?)"]);
    let search = Search::parse("MILK 499705");
    let query = ListQuery { search: search.clone(), ..ListQuery::default() };
    let page = store.list(ANN, &query).await.expect("reads").expect("the user");
    assert_eq!((page.todos.len(), page.total), (1, 1));
    planner.expect("a search", &["SEARCH todos USING INDEX todos_live (user_id=?)"]);
    for filter in [Filter::All, Filter::Active, Filter::Completed] {
        for sort in [SortBy::CreatedAt, SortBy::CompletedAt, SortBy::Title] {
            for order in [Order::Ascending, Order::Descending] {
                for since in [None, Stamp::from_micros(500)] {
                    for include_deleted in [false, true] {
                        for search in [Search::default(), search.clone()] {
                            let page = ListQuery::default();
                            let query =
                                ListQuery { filter, sort, order, since, include_deleted, search, ..page };
                            store.list(ANN, &query).await.expect("reads").expect("the user");
                            planner.check_all(&format!("{query:?}"));
                        }
                    }
                }
            }
        }
    }
}

pub async fn commits(store: &SqliteStore, planner: &mut Planner) {
    store.commit(ANN, batch([retitle(MILK, Base::Current, "Bread")]), T0).await.expect("commits");
    planner.expect("a change", &["SEARCH todos USING INDEX sqlite_autoindex_todos_1 (user_id=? AND id=?)"]);
    let changes = [create(todo_id(), "tea"), delete(MILK), retitle(todo_id(), Base::Current, "gone")];
    store.commit(ANN, batch(changes), T0).await.expect("commits");
    planner.expect("a batch", &["SEARCH todos USING INDEX sqlite_autoindex_todos_1 (user_id=? AND id=?)"]);
}

pub async fn tombstones(store: &SqliteStore, planner: &mut Planner) {
    let limits = StorageLimits { tombstones: 10, sweep: 5, ..StorageLimits::default() };
    let deletion = Batch { limits, ..batch([delete(BREAD)]) };
    store.commit(ANN, deletion, T0).await.expect("commits");
    planner
        .expect("the oldest tombstones of a user", &["SEARCH todos USING INDEX todos_changes (user_id=?)"]);
    assert_eq!(store.shrink_tombstones(T0, 10).await.expect("writes"), 10);
    planner.expect("shrink_tombstones", &["SEARCH todos USING INDEX todos_unshrunk (deleted_at<?)"]);
    assert_eq!(store.sweep_tombstones(T0, 10).await.expect("writes"), 10);
    planner.expect("sweep_tombstones", &["SEARCH todos USING INDEX todos_tombstones (deleted_at<?)"]);
}
