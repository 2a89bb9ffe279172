//! Plans of the statements on todos, with 1,000 users of 1,000 todos each: none reads another user's rows.

use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use domain::todo::plan::Written;
use domain::todo::query::{Filter, ListQuery, Order, Search, SortBy};
use domain::todo::{StoredTodo, Todo, TodoNumber, UserRow, Versions};
use domain::{Stamp, TodoId, UserId};
use postgres_testbed::Database;
use uuid::Uuid;

use super::{Explain, assert_plan};
use crate::committer::load::{self, OnLockedRow};
use crate::committer::statements;
use crate::epochs::EpochSource;
use crate::row_security::{RowScope, RowSecurity, Worker};
use crate::rows::set_title_keys;
use crate::sql::{Sql, sql};
use crate::test_support::{connection, migrated};
use crate::todos::{changes, get, list, title_keys, tombstones};

const USER: UserId = UserId(Uuid::from_u128(500));

async fn thousand_users_with_thousand_todos() -> Database {
    let (database, mut owner) = migrated("plans").await;
    // Constraints and indexes are created after the rows, which is faster.
    owner
        .batch_execute(
            "alter table todos drop constraint todos_user_id_fkey;
             drop index todos_live;
             alter table todos drop constraint todos_number_unique;
             alter table todos drop constraint todos_stamp_unique;
             insert into users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos)
             select lpad(to_hex(u), 32, '0')::uuid, true, true, now(), now(), now(), 'epoch', 900
               from generate_series(1, 1000) u;
             insert into todos (user_id, id, number, title, title_folded, title_key, completed_at, created_at, updated_at, deleted_at,
                    version, title_version, description_version, completed_version, deleted_version)
             select lpad(to_hex(u), 32, '0')::uuid, lpad(to_hex(t), 32, '0')::uuid, u * 1000 + t, 'Todo ' || t, 'todo ' || t, '\\x00',
                    case when t % 2 = 0 then now() end, 'epoch'::timestamptz + t * interval '1 s',
                    'epoch'::timestamptz + t * interval '1 s', case when t % 10 = 0 then now() end, 1, 1, 1, 1, 1
               from generate_series(1, 1000) u, generate_series(1, 1000) t;
             alter table todos add constraint todos_number_unique unique (user_id, number);
             alter table todos add constraint todos_stamp_unique unique (user_id, updated_at);
             create index todos_live on todos (user_id, created_at desc, id) where deleted_at is null;
             analyze users; analyze todos",
        )
        .await
        .expect("filled");
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_on_todos_uses_an_index_of_its_user() {
    let database = thousand_users_with_thousand_todos().await;
    for row_security in [RowSecurity::Writes, RowSecurity::All] {
        crate::set_row_security(&database.owner_url(), row_security).await.expect("set");
        let mut conn = connection(&database).await;
        RowScope::User(USER).set(&conn).await.expect("set");
        assert_statements(&mut conn).await;
    }
}

/// A policy compares the users of rows with an array.
#[tokio::test(flavor = "multi_thread")]
async fn no_policy_is_evaluated_while_reads_are_open() {
    let (database, _) = migrated("open_reads").await;
    for (row_security, evaluated) in [(RowSecurity::Writes, false), (RowSecurity::All, true)] {
        crate::set_row_security(&database.owner_url(), row_security).await.expect("set");
        let mut conn = connection(&database).await;
        let query = ListQuery::default();
        let statement = Explain(list::page(USER, &query));
        let plan = statement.load::<String>(&mut conn).await.expect("a plan").join("\n");
        assert_eq!(plan.matches(" = ANY (").count(), if evaluated { 2 } else { 0 }, "{plan}");
    }
}

fn written(id: TodoId) -> Written {
    let row = StoredTodo {
        id,
        number: 1,
        title: Some("Todo".to_owned()),
        description: None,
        completed_at: None,
        created_at: Stamp::EPOCH,
        updated_at: Stamp::EPOCH,
        deleted_at: None,
        client_id: None,
        versions: Versions::FIRST,
        metadata: None,
        metadata_versions: None,
    };
    Written { todo: Todo::from_stored(row).expect("a todo").into(), is_new: false }
}

async fn assert_statements(conn: &mut AsyncPgConnection) {
    let id = TodoId(Uuid::from_u128(77));
    assert_plan(conn, "get", get::by_id(USER, id), &["todos_pkey", "(id = ", "(user_id = "]).await;
    let by_number = get::by_number(USER, TodoNumber(500_077));
    assert_plan(conn, "get by number", by_number, &["todos_number_unique", "(number = "]).await;
    assert_plan(conn, "position", get::position(USER), &["users_pkey"]).await;

    let since = Stamp::EPOCH.plus(Duration::from_secs(990));
    let after = ["todos_stamp_unique", "(updated_at > "];
    for (since, include_deleted) in [(Some(since), true), (None, true), (None, false)] {
        let changes = changes::After { user: USER, since, include_deleted, limit: 100 };
        for statement in [changes.first(), changes.part()] {
            assert_plan(conn, "changes", statement, &["users_pkey", after[0], after[1]]).await;
        }
    }

    let page = ListQuery::default();
    assert_plan(conn, "list", list::page(USER, &page), &["Index Scan using todos_live"]).await;
    for sort in [SortBy::CreatedAt, SortBy::CompletedAt, SortBy::Title] {
        for order in [Order::Ascending, Order::Descending] {
            for filter in [Filter::All, Filter::Active, Filter::Completed] {
                for (search, since, include_deleted) in [
                    ("", None, false),
                    ("todo 7", None, false),
                    ("", Some(since), true),
                    ("7", Some(since), true),
                ] {
                    let search = Search::parse(search);
                    let query =
                        ListQuery { sort, order, filter, search, since, include_deleted, ..page.clone() };
                    assert_plan(conn, &format!("{query:?}"), list::page(USER, &query), &["user_id = "]).await;
                }
            }
        }
    }

    let without_key = &["todos_without_title_key", "user_id = "];
    assert_plan(conn, "missing keys", title_keys::are_missing(USER), without_key).await;
    assert_plan(conn, "titles without key", title_keys::without_key(USER), without_key).await;
    let keys = set_title_keys(vec![(USER.0, 500_001, "Todo 1".to_owned())]);
    assert_plan(conn, "title keys", keys, &["todos_number_unique"]).await;

    let keys: Vec<_> = (1..=1_000).map(|id| (USER, TodoId(Uuid::from_u128(id)))).collect();
    for keys in [&keys[..1], &keys[..]] {
        let by_key = "Index Cond: ((ROW(user_id, id) >= ";
        assert_plan(conn, "load", load::todos(keys), &["todos_pkey", by_key]).await;
        assert_plan(conn, "delete", statements::delete(keys), &["todos_pkey", by_key]).await;
    }
    let rows: Vec<_> = keys.iter().map(|(user, id)| (*user, written(*id))).collect();
    for rows in [&rows[..1], &rows[..]] {
        let update = statements::update(&rows.iter().collect::<Vec<_>>());
        let by_key = "Index Cond: ((ROW(user_id, id) >= ";
        assert_plan(conn, "update", update, &["todos_pkey", by_key]).await;
    }
    for source in [EpochSource::Stored, EpochSource::Timeline] {
        for on_locked in [OnLockedRow::Wait, OnLockedRow::Skip] {
            assert_plan(conn, "lock", load::lock_users(&[USER], source, on_locked), &["users_pkey"]).await;
        }
    }
    assert_plan(conn, "lock alone", load::lock_rows(&[USER]), &["users_pkey"]).await;
    let oldest = load::oldest(&[(USER, 1_000)]);
    assert_plan(conn, "oldest tombstones", oldest, &["todos_stamp_unique", "(user_id = k.user_id)"]).await;

    RowScope::Worker(Worker::Sweep).set(conn).await.expect("set");
    assert_plan(conn, "tombstones", tombstones::find(Stamp::MAX, 100), &["todos_tombstones"]).await;
    let unshrunk = tombstones::find_unshrunk(Stamp::MAX, 100);
    assert_plan(conn, "tombstones with texts", unshrunk, &["todos_unshrunk"]).await;
    for keys in [&keys[..1], &keys[..]] {
        let by_key = "(id = k.id)";
        let remove = tombstones::remove(keys, Stamp::MAX);
        assert_plan(conn, "sweep", remove, &["todos_pkey", by_key, "users_pkey"]).await;
        let shrink = tombstones::remove_texts(keys, Stamp::MAX);
        assert_plan(conn, "shrink", shrink, &["todos_pkey", by_key, "users_pkey"]).await;
    }
}

/// A session that was opened when the tables were empty keeps the plans of that time.
#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_planned_before_there_are_todos_read_todos_by_their_keys() {
    let (database, _) = migrated("early_plans").await;
    let mut conn = connection(&database).await;
    RowScope::User(USER).set(&conn).await.expect("set");
    let keys = [(USER, TodoId(Uuid::from_u128(1)))];
    let rows = keys.map(|(user, id)| (user, written(id)));
    let by_key = &["todos_pkey"];
    assert_plan(&mut conn, "load", load::todos(&keys), by_key).await;
    assert_plan(&mut conn, "delete", statements::delete(&keys), by_key).await;
    let update = statements::update(&rows.iter().collect::<Vec<_>>());
    assert_plan(&mut conn, "update", update, by_key).await;
    let users = [(USER, UserRow::new(Stamp::EPOCH, 1))];
    let update_users = statements::update_users(&users);
    assert_plan(&mut conn, "update of users", update_users, &["users_pkey"]).await;
}

/// EXPLAIN does not show the plan inside a function, so the test explains the function's body as its owner.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_for_another_users_todo_uses_the_index_on_ids() {
    let database = thousand_users_with_thousand_todos().await;
    let mut owner = AsyncPgConnection::establish(&database.owner_url()).await.expect("the owner may connect");
    let body: Sql<'_, Text> = sql("select prosrc from pg_proc where proname = 'todo_is_anothers'");
    let body = body.get_result::<String>(&mut owner).await.expect("the function is there");
    owner
        .batch_execute(&format!(
            "set plan_cache_mode = force_generic_plan; prepare explained (uuid, uuid) as {body}"
        ))
        .await
        .expect("prepared");
    let plan: Sql<'_, Text> = sql("explain execute explained(null, null)");
    let plan = plan.load::<String>(&mut owner).await.expect("a plan").join("\n");
    assert!(plan.contains("todos_by_id"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
}
