//! `todo-server backup`, and the backups that a server makes by itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use blackbox_tests::server::command;
use blackbox_tests::{Client, Database, Server};
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};
use serde_json::{Value, json};

use super::{done, exit_and_output, names, refused, stop};
use crate::support::{add, items, numbered, until};

#[derive(QueryableByName)]
struct Batch {
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = BigInt)]
    todos: i64,
}

const BATCH: usize = 20;

/// Sends batches of new todos with one title each, until it is asked to stop.
async fn write_batches(client: Client, name: usize, enough: Arc<AtomicBool>) -> usize {
    let (mut batches, mut cursor) = (0, Value::Null);
    while !enough.load(Ordering::Relaxed) {
        let todo = |n: usize| {
            json!({"id": format!("018f3a6e-{name:04x}-7000-8000-{:012x}", batches * BATCH + n),
                   "text": format!("{name}.{batches}"), "version": 0})
        };
        let todos: Vec<Value> = (0..BATCH).map(todo).collect();
        let request =
            json!({"todos": todos, "last_sync": cursor["sync_timestamp"], "epoch": cursor["epoch"]});
        let answer = client.post("/api/v1/todos/sync", request).await.expect(200).json();
        assert_eq!(items(&answer["applied"]).len(), BATCH, "{answer}");
        batches += 1;
        cursor = answer;
    }
    batches
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_during_heavy_writing_has_each_batch_whole_or_not_at_all() {
    let server = Server::start_with(Database::Sqlite, &[("MAX_TODOS_PER_USER", "1000000")]).await;
    let enough = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for name in 0..4 {
        let client = server.client().register(&format!("ann{name}@example.com")).await.0;
        writers.push(tokio::spawn(write_batches(client, name, enough.clone())));
    }
    until("the first batches", || {
        (server.column("SELECT title AS value FROM todos LIMIT 1").len() == 1).then_some(())
    })
    .await;
    let mut sizes = Vec::new();
    for n in 0..5 {
        let file = server.folder().join(format!("backup {n}?#%.db"));
        let printed = done(&server, &["backup", file.to_str().expect("UTF-8")]);
        assert!(printed.starts_with("backed up 4 users and "), "{printed}");
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
        let mut copy =
            SqliteConnection::establish(&format!("{}/backup {n}?#%.db", server.folder().display()))
                .expect("it opens");
        let batches: Vec<Batch> = sql_query("SELECT title, count(*) AS todos FROM todos GROUP BY title")
            .load(&mut copy)
            .expect("read");
        let broken: Vec<_> =
            batches.iter().filter(|batch| batch.todos != 20).map(|batch| &batch.title).collect();
        assert!(broken.is_empty(), "{broken:?}");
        sizes.push(batches.len());
    }
    enough.store(true, Ordering::Relaxed);
    let mut total = 0;
    for writer in writers {
        total += writer.await.expect("no writer fails");
    }
    assert!(sizes[0] > 0 && sizes.is_sorted() && sizes[4] <= total, "{sizes:?} of {total}");
    assert!(done(&server, &["check"]).contains("The database is consistent."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_overwrites_nothing_and_one_that_fails_leaves_nothing() {
    let server = Server::start(Database::Sqlite).await;
    let folder = server.folder().join("copies");
    fs::create_dir(&folder).expect("created");
    let file = folder.join("a.db").display().to_string();
    fs::write(&file, "precious").expect("written");
    assert!(refused(&server, &["backup", &file]).contains("a.db exists already"));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "precious");
    let nowhere = format!("{file}/b.db");
    assert!(refused(&server, &["backup", &nowhere]).contains("a.db"));
    // A limit on the size of files, as on a full disk. The signal of the limit is ignored, so that the write fails.
    let small = format!("trap '' XFSZ; ulimit -f 40; exec \"$0\" backup {}/full.db", folder.display());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &small]).arg(blackbox_tests::binary::todo_server());
    let settings = server.settings().iter().map(|(name, value)| (name, value));
    let full = shell.current_dir(server.folder()).envs(settings).output().expect("it runs");
    let problem = String::from_utf8_lossy(&full.stderr);
    assert!(!full.status.success() && problem.contains("can't be copied"), "{problem}");
    assert_eq!(names(&folder), ["a.db"]);
    // Standard output gets the copy, and nothing else.
    let output = command(server.folder(), server.settings()).args(["backup", "-"]).output().expect("it runs");
    assert!(output.stdout.starts_with(b"SQLite format 3\0"), "{}", String::from_utf8_lossy(&output.stderr));
    server.client().get("/health/ready").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_made_on_schedule_and_before_migrations() {
    let mut server = Server::start_with(Database::Sqlite, &[("BACKUP_EVERY", "1d")]).await;
    let folder = server.folder().join("data/backups");
    let made = |kind: &'static str| {
        let folder = folder.clone();
        move || {
            names(&folder)
                .into_iter()
                .filter(|name| name.starts_with(kind) && !name.contains(".unfinished-"))
                .collect::<Vec<_>>()
        }
    };
    let scheduled = made("todos-at-");
    until("a backup", || (scheduled().len() == 1).then_some(())).await;
    server.crash_and_restart().await;
    until("its worker", || server.logs().contains("listening").then_some(())).await;
    stop(&mut server).await;
    assert_eq!(scheduled().len(), 1, "the next one is due tomorrow");
    assert_eq!(made("todos-before-migration-")(), [""; 0]);
    done(&server, &["migrate", "down", "--yes"]);
    done(&server, &["migrate", "up"]);
    assert_eq!(made("todos-before-migration-")().len(), 1);
    // The copy has the older schema, and `restore` migrates it.
    let copy = folder.join(&made("todos-before-migration-")()[0]).display().to_string();
    done(&server, &["restore", &copy]);
    // Without room for a backup, nothing is migrated.
    done(&server, &["migrate", "down", "--yes"]);
    server.set("BACKUP_DIR", server.folder().join("server.log").to_str().expect("UTF-8").to_owned().as_str());
    assert!(refused(&server, &["migrate", "up"]).contains("no backup can be made before the migration"));
    assert_eq!(exit_and_output(&server, &["migrate", "status", "--check"]).0, Some(3));
}

/// The names of copies that are being made.
fn unfinished(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.contains(".unfinished-")).collect()
}

/// Asserts that a backup is a whole database: `restore` would take it, and each todo is in it.
fn expect_whole(file: &Path, todos: usize) {
    let mut copy = SqliteConnection::establish(&file.display().to_string()).expect("it opens");
    let counted: Vec<Batch> =
        sql_query("SELECT 'all' AS title, count(*) AS todos FROM todos").load(&mut copy).expect("read");
    assert_eq!(counted[0].todos, i64::try_from(todos).expect("small"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_harms_nothing_and_the_next_one_works() {
    const TODOS: usize = 5_000;
    let mut server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    ann.post("/api/v1/todos/bulk", numbered(TODOS)).await.expect(201);
    let folder = server.folder().join("copies");
    fs::create_dir(&folder).expect("created");
    let file = folder.join("a.db");
    // A copy that is finished before it can be killed is made again.
    until("a copy to be killed", || {
        for name in names(&folder) {
            fs::remove_file(folder.join(name)).expect("deleted");
        }
        let mut backup = command(server.folder(), server.settings());
        let backup = backup.arg("backup").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let mut backup = backup.spawn().expect("it runs");
        while unfinished(&folder).is_empty() && backup.try_wait().expect("its status").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // It may have ended.
        let _ = backup.kill();
        let was_killed = backup.wait().expect("it ends").signal().is_some();
        if file.exists() {
            expect_whole(&file, TODOS);
        }
        (was_killed && !file.exists()).then_some(())
    })
    .await;
    add(&ann, "after").await;
    done(&server, &["backup", &file.display().to_string()]);
    expect_whole(&file, TODOS + 1);
    assert!(done(&server, &["check"]).contains("The database is consistent."));

    // The same of a server that is killed during a scheduled backup.
    server.set("BACKUP_EVERY", "1d");
    let folder = server.folder().join("data/backups");
    let mut tries = 0;
    while unfinished(&folder).is_empty() {
        let _ = fs::remove_dir_all(&folder);
        server.crash_and_restart().await;
        until("a backup to begin", || (!names(&folder).is_empty()).then_some(())).await;
        server.kill();
        tries += 1;
        assert!(tries < 100, "each backup was finished before the server was killed");
    }
    assert_eq!(names(&folder).len(), unfinished(&folder).len());
    server.crash_and_restart().await;
    let made =
        until("the next backup", || names(&folder).into_iter().find(|name| !name.contains(".unfinished-")))
            .await;
    expect_whole(&folder.join(made), TODOS + 1);
    assert_eq!(unfinished(&folder), [""; 0]);
    let ann = server.client().with_token(ann.token());
    assert_eq!(ann.get("/api/v1/todos").await.expect(200).header("x-total-count"), "5001");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_the_commands_name_those_of_postgresql() {
    let server = Server::start(Database::Postgres).await;
    let backup = refused(&server, &["backup", "my file.dump"]);
    let line = "pg_dump --format=custom --file='my file.dump' \"$MIGRATION_DATABASE_URL\"";
    assert!(backup.contains(line), "{backup}");
    let restore = refused(&server, &["restore", "a.dump"]);
    assert!(
        restore.contains("pg_restore --no-owner") && restore.contains("todo-server new-epoch"),
        "{restore}"
    );
}
