//! A database of the schema before histories: its rows after the upgrade, and after the way back.

use adapters_postgres::{migrate, revert_last};
use domain::sync::{Digest, Epoch};
use domain::todo::query::{ListQuery, Order, Search, SortBy};
use domain::todo::{Base, Todo};
use domain::user::Email;
use domain::{TodoId, UserId};
use domain_testkit::build::{T0, at, create, delete, retitle, todo_id};
use postgres_testbed::{Database, Role};
use uuid::Uuid;

use crate::support::{database, harness_of, store_at};

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

/// Ann has two live todos and a tombstone, Bob has none. There are enough others that digests are computed in parts.
const ROWS: &str = "
    update database_epoch set epoch = 'before';
    insert into users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos) values
        ('00000000-0000-0000-0000-000000000001', false, true, now(), now(), '2026-01-03', 'epoch', 2),
        ('00000000-0000-0000-0000-000000000002', false, true, now(), now(), '2026-01-01', 'epoch', 0);
    insert into users (id, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos)
        select gen_random_uuid(), false, true, now(), now(), '2026-01-01', 'epoch', 1 from generate_series(1, 250);
    insert into todos (user_id, id, number, created_at, updated_at, deleted_at, version, title_version, description_version,
        completed_version, deleted_version, title, title_folded, description, description_folded) values
        ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', nextval('todo_numbers'),
         '2026-01-01', '2026-01-01', null, 3, 3, 1, 1, 1, 'Käse', 'käse', 'süß', 'süß'),
        ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000b', nextval('todo_numbers'),
         '2026-01-01', '2026-01-02', null, 1, 1, 1, 1, 1, 'milk', 'milk', null, null),
        ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000c', nextval('todo_numbers'),
         '2026-01-01', '2026-01-03', '2026-01-03', 2, 1, 1, 1, 2, 'tea', 'tea', null, null);
    insert into todos (user_id, id, number, created_at, updated_at, version, title_version, description_version,
        completed_version, deleted_version, title, title_folded)
        select id, id, nextval('todo_numbers'), '2026-01-01', '2026-01-01', 1, 1, 1, 1, 1, 'x', 'x' from users
         where live_todos = 1";

fn earlier_schema() -> Database {
    let database = database("upgrade");
    revert(&database);
    database.sql(Role::Owner, ROWS).expect("the owner may write");
    database
}

/// Reverts the migration that adds histories, and later ones.
fn revert(database: &Database) {
    let owner = database.owner_url();
    let reverting = std::thread::spawn(move || {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let reverted =
                async || revert_last(&owner, true).await.expect("down").expect("there is one").name;
            while reverted().await != "2026-01-01-000005_histories" {}
        });
    });
    reverting.join().expect("no panic");
}

fn lines(database: &Database, sql: &str) -> Vec<String> {
    database.sql(Role::Owner, sql).expect("the owner may read").lines().map(str::to_owned).collect()
}

/// Live todos, tombstones and bytes of Ann and Bob.
fn totals(database: &Database) -> Vec<String> {
    lines(database, "select live_todos, tombstones, stored_bytes from users order by id limit 2")
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_have_digests_and_totals_right_after_the_upgrade() {
    let database = earlier_schema();
    migrate(&database.owner_url(), &database.app_url()).await.expect("up");
    assert_eq!(totals(&database), ["2|1|17", "0|0|0"], "bytes, not characters");

    let (store, bus) = store_at(database.app_url()).await;
    let h = harness_of(&store, bus, &database, ());
    let found = h.changes(ANN, None, 100).await;
    assert_eq!(
        found.todos.iter().map(|todo| todo.title().as_str()).collect::<Vec<_>>(),
        ["Käse", "milk", "tea"]
    );
    assert_eq!(found.todos.iter().map(Todo::version).collect::<Vec<_>>(), [3, 1, 2]);
    assert!(found.todos[2].deleted());
    let digest: Digest = found.todos.iter().map(Todo::digest).sum();
    assert_ne!(digest, Digest::EMPTY);
    assert_eq!(found.position.digest, digest);
    assert_eq!(found.position.epoch(), Epoch("before".into()), "devices go on");
    assert_eq!(h.changes(BOB, None, 100).await.position.digest, Digest::EMPTY);
    for user in lines(&database, "select id from users where live_todos = 1") {
        let found = h.changes(UserId(user.parse().expect("an id")), None, 100).await;
        assert_eq!(found.position.digest, found.todos[0].digest());
    }

    let milk = TodoId(Uuid::from_u128(0xb));
    let cheese = retitle(TodoId(Uuid::from_u128(0xa)), Base::Current, "Brot");
    h.apply(ANN, [cheese, delete(milk), create(todo_id(), "é")]).await;
    let found = h.changes(ANN, None, 100).await;
    assert_eq!(found.position.digest, found.todos.iter().map(Todo::digest).sum::<Digest>());
    assert_eq!(totals(&database)[0], "2|2|18");
}

/// Search and addresses compare composed texts and A-labels; the rows of before do so after the upgrade.
#[tokio::test(flavor = "multi_thread")]
async fn old_texts_and_addresses_are_found_in_either_form_after_the_upgrade() {
    let database = earlier_schema();
    let before = "
        update todos set title = 'Mu\u{308}sli', title_folded = 'mu\u{308}sli' where title = 'milk';
        update users set email = 'Ann@Bücher.example', email_key = 'ann@bücher.example'
         where id = '00000000-0000-0000-0000-000000000001';
        insert into users (id, email, email_key, email_verified, is_active, created_at, updated_at, sync_clock, sync_horizon, live_todos)
        values (gen_random_uuid(), 'bob@äb.example', 'bob@äb.example', false, true, now(), now(), 'epoch', 'epoch', 0),
               (gen_random_uuid(), 'bob@xn--b-zfa.example', 'bob@xn--b-zfa.example', false, true, now(), now(), 'epoch', 'epoch', 0),
               (gen_random_uuid(), 'eve@é.example', 'eve@é.example', false, true, now(), now(), 'epoch', 'epoch', 0),
               (gen_random_uuid(), 'eve@e\u{301}.example', 'eve@e\u{301}.example', false, true, 'epoch', now(), 'epoch', 'epoch', 0)";
    database.sql(Role::Owner, before).expect("the owner may write");
    migrate(&database.owner_url(), &database.app_url()).await.expect("up");
    let (store, bus) = store_at(database.app_url()).await;
    let h = harness_of(&store, bus, &database, ());
    for form in ["m\u{fc}sli", "mu\u{308}sli"] {
        let query = ListQuery { search: Search::parse(form), ..ListQuery::default() };
        assert_eq!(h.list(ANN, &query).await.total, 1, "{form:?}");
    }
    for form in ["ann@bücher.example", "ANN@xn--bcher-kva.example"] {
        let email = Email::parse(form).expect("an address");
        let user = h.accounts.by_email(&email).await.expect("reads").expect("is found");
        assert_eq!((user.id, user.email.as_ref().map(Email::as_str)), (ANN, Some("Ann@Bücher.example")));
    }
    let twins = lines(
        &database,
        "select email_key from users where email like 'bob@%' order by email collate \"C\" desc",
    );
    assert_eq!(twins, ["bob@äb.example", "bob@xn--b-zfa.example"], "the other account keeps the address");
    let twins = lines(&database, "select email_key from users where email like 'eve@%' order by created_at");
    assert_eq!(twins, ["eve@xn--9ca.example", "eve@é.example"], "the older account gets the address");
}

/// The keys of the titles are computed in parts.
#[tokio::test(flavor = "multi_thread")]
async fn old_titles_are_sorted_as_people_sort_them_after_the_upgrade() {
    let database = earlier_schema();
    let before = "
        update todos set title = 'zoo', title_folded = 'zoo' where title = 'Käse';
        update todos set title = 'Äpfel', title_folded = 'äpfel' where title = 'milk';
        insert into todos (user_id, id, number, created_at, updated_at, version, title_version, description_version,
            completed_version, deleted_version, title, title_folded)
            select '00000000-0000-0000-0000-000000000002', gen_random_uuid(), nextval('todo_numbers'), '2026-01-01',
                   timestamptz '2026-01-01' + n * interval '1 second', 1, 1, 1, 1, 1, 'x', 'x'
              from generate_series(1, 1200) n";
    database.sql(Role::Owner, before).expect("the owner may write");
    migrate(&database.owner_url(), &database.app_url()).await.expect("up");
    let (store, bus) = store_at(database.app_url()).await;
    let h = harness_of(&store, bus, &database, ());
    let query = ListQuery { sort: SortBy::Title, order: Order::Ascending, ..ListQuery::default() };
    let page = h.list(ANN, &query).await;
    assert_eq!(page.todos.iter().map(|todo| todo.title().as_str()).collect::<Vec<_>>(), ["Äpfel", "zoo"]);
    assert_eq!(lines(&database, "select count(*) from todos where title_key is null"), ["0"]);
}

/// During a rolling upgrade, an instance of an older version neither writes nor renews keys of titles.
#[tokio::test(flavor = "multi_thread")]
async fn titles_that_an_older_version_writes_are_sorted_as_people_sort_them() {
    let database = earlier_schema();
    migrate(&database.owner_url(), &database.app_url()).await.expect("up");
    let (store, bus) = store_at(database.app_url()).await;
    let h = harness_of(&store, bus, &database, ());
    let sorted = async || {
        let query = ListQuery { sort: SortBy::Title, order: Order::Ascending, ..ListQuery::default() };
        let page = h.list(ANN, &query).await;
        page.todos.iter().map(|todo| todo.title().as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sorted().await, ["Käse", "milk"]);
    let by_older_version = "
        update todos set title = 'Äpfel', title_folded = 'äpfel' where title = 'milk';
        insert into todos (user_id, id, number, created_at, updated_at, version, title_version, description_version,
            completed_version, deleted_version, title, title_folded)
            values ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), nextval('todo_numbers'), '2026-01-04',
                    '2026-01-04', 1, 1, 1, 1, 1, 'bread', 'bread')";
    database.sql(Role::Owner, by_older_version).expect("the owner may write");
    let without_key = "select title from todos where title_key is null and title is not null order by title";
    assert_eq!(lines(&database, without_key), ["bread", "Äpfel"]);
    assert_eq!(sorted().await, ["Äpfel", "bread", "Käse"]);
    assert!(lines(&database, without_key).is_empty());
    // More than are renewed in one transaction.
    let many = "update todos set title = 'y', title_folded = 'y' where title = 'Käse';
        insert into todos (user_id, id, number, created_at, updated_at, version, title_version, description_version,
            completed_version, deleted_version, title, title_folded)
            select '00000000-0000-0000-0000-000000000001', gen_random_uuid(), nextval('todo_numbers'), '2026-01-01',
                   timestamptz '2026-01-05' + n * interval '1 second', 1, 1, 1, 1, 1, 'x', 'x'
              from generate_series(1, 2100) n";
    database.sql(Role::Owner, many).expect("the owner may write");
    assert_eq!(sorted().await[..3], ["Äpfel", "bread", "x"]);
    assert!(lines(&database, without_key).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_keeps_todos_and_the_epoch_and_deletes_tombstones_without_texts() {
    let database = earlier_schema();
    let dump = "select id, number, updated_at, version, title, title_folded, description from todos
        where title <> 'x' order by number";
    let before = lines(&database, dump);
    migrate(&database.owner_url(), &database.app_url()).await.expect("up");
    let (store, bus) = store_at(database.app_url()).await;
    let h = harness_of(&store, bus, &database, ());
    let gone = todo_id();
    h.applied_at(BOB, create(gone, "gone"), T0).await;
    let gone = h.applied_at(BOB, delete(gone), T0).await;
    assert_eq!(h.todos.shrink_tombstones(at(1), 10).await.expect("an answer"), 2, "Ann's and Bob's");
    store.close().await;

    revert(&database);
    assert_eq!(lines(&database, dump), before[..2], "without the tombstone that lost its text");
    assert_eq!(lines(&database, "select epoch from database_epoch"), ["before"]);
    let horizons = lines(
        &database,
        "select (extract(epoch from sync_horizon) * 1000000)::bigint from users order by id limit 2",
    );
    assert_eq!(horizons, ["1767398400000000".to_owned(), gone.updated_at().as_micros().to_string()]);
    migrate(&database.owner_url(), &database.app_url()).await.expect("up again");
    assert_eq!(totals(&database), ["2|0|14", "0|0|0"]);
}
