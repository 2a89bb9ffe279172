//! Migrations of a file, forwards and back.

use std::path::Path;
use std::sync::Arc;

use adapters_sqlite::{OpenError, OpenOptions, SqliteStore, migrate, migration_status, revert_last};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::account::AccountStore;
use domain_testkit::RecordingBus;

use super::{folder, open, raw, user};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn schema(path: &Path) -> Vec<String> {
    // SQLite keeps `sqlite_sequence` once a table has had an AUTOINCREMENT column.
    let sql = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line FROM sqlite_schema
               WHERE name <> 'sqlite_sequence' ORDER BY 1";
    let lines: Vec<Line> = diesel::sql_query(sql).load(&mut raw(path)).expect("reads the schema");
    lines.into_iter().map(|line| line.line).collect()
}

fn epoch(path: &Path) -> String {
    let sql = "SELECT epoch AS line FROM epochs ORDER BY ordinal DESC LIMIT 1";
    let line: Line = diesel::sql_query(sql).get_result(&mut raw(path)).expect("reads the epoch");
    line.line
}

#[test]
fn migrating_up_down_and_up_again_leaves_the_same_schema() {
    let (_folder, path) = folder();
    let names = migrate(&path).expect("migrates");
    let (first, first_epoch) = (schema(&path), epoch(&path));
    assert_eq!(migrate(&path).expect("finds nothing to do"), Vec::<String>::new());
    assert_eq!(epoch(&path), first_epoch, "the epoch stays");
    uuid::Uuid::try_parse(&first_epoch).expect("a UUID");
    for name in names.iter().rev() {
        assert_eq!(&revert_last(&path, true).expect("reverts").expect("there is one").name, name);
    }
    assert_eq!(revert_last(&path, true).expect("finds nothing to do"), None);
    let left: Vec<_> = schema(&path).into_iter().filter(|line| !line.contains("__diesel")).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
    assert_eq!(migrate(&path).expect("migrates again"), names);
    assert_eq!(schema(&path), first);
    assert_ne!(epoch(&path), first_epoch, "a new history has a new epoch");
}

#[test]
fn if_several_processes_start_at_once_one_migrates() {
    let (_folder, path) = folder();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || migrate(&path).expect("migrates or waits").len())
        })
        .collect();
    let mut applied: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    applied.sort_unstable();
    let all = migration_status(&path).expect("tells").len();
    assert_eq!(applied, [vec![0; 7], vec![all]].concat());
}

#[test]
fn the_status_shows_applied_migrations_and_creates_no_file() {
    let (_folder, path) = folder();
    let applied = |path: &Path| -> Vec<bool> {
        migration_status(path).expect("tells").iter().map(|state| state.applied).collect()
    };
    assert!(applied(&path).iter().all(|applied| !applied));
    assert!(!path.exists());
    migrate(&path).expect("migrates");
    assert!(applied(&path).iter().all(|applied| *applied));
}

#[test]
fn a_file_with_pending_migrations_is_not_opened() {
    let (_folder, path) = folder();
    let opened = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new())));
    assert!(matches!(opened.err(), Some(OpenError::NotMigrated { pending }) if !pending.is_empty()));
}

#[test]
fn a_schema_of_a_newer_version_is_refused() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    raw(&path)
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')")
        .expect("a later version migrates");
    let opened = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new())));
    for error in [
        opened.err().expect("refused").to_string(),
        migrate(&path).expect_err("refused").to_string(),
        revert_last(&path, true).expect_err("refused").to_string(),
    ] {
        assert!(error.contains("newer version") && error.contains("20990101000001"), "{error}");
    }
    let last = migration_status(&path).expect("tells").pop().expect("there are some");
    assert_eq!((last.name.as_str(), last.applied, last.known), ("20990101000001", true, false));
}

#[tokio::test]
async fn a_reversion_that_is_not_kept_shows_what_it_would_delete_and_deletes_nothing() {
    let (_folder, path) = folder();
    migrate(&path).expect("migrates");
    let (before, id) = (schema(&path), user(&open(&path)).await);
    let last = migration_status(&path).expect("tells").pop().expect("there are some").name;
    let shown = revert_last(&path, false).expect("shows").expect("there is one");
    assert_eq!((shown.name, shown.before["users"].1), (last, 1));
    assert!(shown.before["mail_outbox"].0.contains(&"last_error".to_owned()));
    assert_eq!(schema(&path), before);
    assert!(open(&path).by_id(id).await.expect("reads").is_some());
    while let Some(shown) = revert_last(&path, true).expect("reverts") {
        if shown.after.is_empty() {
            assert_eq!(shown.before["users"].1, 1, "the last one deletes the users");
        }
    }
}
