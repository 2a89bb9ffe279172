//! Where the rows of todos lie in their table.

use std::path::Path;

use adapters_sqlite::{migrate, read_content, revert_last, write_content};
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::UserId;
use domain::account::{AccountStore, NewUser};
use domain::snapshot::Part;
use domain::todo::TodoStore;
use domain_testkit::build::{T0, batch, create, new_user, todo_id};
use tokio::sync::mpsc::channel;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{folder, open, raw};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(path: &Path, query: &str) -> Vec<String> {
    let rows: Vec<Line> = diesel::sql_query(query).load(&mut raw(path)).expect("reads");
    rows.into_iter().map(|row| row.line).collect()
}

#[tokio::test]
async fn the_rows_of_a_user_are_neighbours_also_after_a_move_and_an_upgrade() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let store = open(&path);
    let [ann, bob] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
    for id in [ann, bob] {
        store.register(NewUser { id, ..new_user() }, None, T0).await.expect("registers");
    }
    for owner in [ann, bob, ann, bob, ann] {
        store.commit(owner, batch([create(todo_id(), "milk")]), T0).await.expect("commits");
    }
    drop(store);
    let owners = "SELECT hex(user_id) AS line FROM todos ORDER BY key";
    let mut users = lines(&path, owners);
    assert_eq!(users.len(), 5);
    users.dedup();
    assert_eq!(users.len(), 2, "each user's rows follow one another");

    let keys = "SELECT number || ' ' || key AS line FROM todos ORDER BY number";
    let before = lines(&path, keys);
    let (_other, copy) = folder();
    let (to, mut from) = channel::<Part>(4);
    let (source, target) = (path.clone(), copy.clone());
    let reads = spawn_blocking(move || read_content(&source, &to));
    let writes = spawn_blocking(move || write_content(&target, &mut from));
    reads.await.expect("no panic").expect("reads");
    writes.await.expect("no panic").expect("writes");
    assert_eq!(lines(&copy, keys), before, "after a move");

    let folded = "SELECT name AS line FROM pragma_table_info('todos') WHERE name = 'title_folded'";
    while lines(&path, folded).is_empty() {
        assert!(revert_last(&path, true).expect("reverts").is_some());
    }
    assert_eq!(lines(&path, "SELECT title_folded AS line FROM todos"), ["milk"; 5]);
    migrate(&path).expect("migrates");
    assert_eq!(lines(&path, keys), before, "after an upgrade");
}
