//! `todo-server move`: everything goes from one kind of database to the other.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use blackbox_tests::server::{SECRET_KEY, command};
use blackbox_tests::{Database, Server, on_both_databases};
use postgres_testbed::{Role, Testbed};
use serde_json::json;
use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::stop;
use crate::support::{add, at, items, log_in, refresh, sync, text, texts, until};

/// An empty database of the other kind than the server's.
struct Target {
    postgres: Option<postgres_testbed::Database>,
    folder: TempDir,
}

impl Target {
    fn beside(server: &Server) -> Self {
        let postgres = match server.database() {
            Database::Sqlite => Some(Testbed::shared().create_database("moved")),
            Database::Postgres => None,
        };
        Self { postgres, folder: TempDir::new().expect("a temporary folder") }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("moved.db")
    }

    /// The URL of the owner.
    fn url(&self) -> String {
        let file = || format!("sqlite://{}", self.file().display());
        self.postgres.as_ref().map_or_else(file, postgres_testbed::Database::owner_url)
    }

    /// Serves the database, with row-level security on PostgreSQL.
    async fn serve(&mut self) -> Server {
        let app = self.postgres.as_ref().map_or_else(|| self.url(), postgres_testbed::Database::app_url);
        let owner = if self.postgres.is_some() { self.url() } else { String::new() };
        let mut server = Server::start_on(&app, &owner, &[]).await;
        server.postgres = self.postgres.take();
        server
    }
}

/// The URL of the server's database, as its owner.
fn owner_url(server: &Server) -> &str {
    match server.setting("MIGRATION_DATABASE_URL") {
        "" => server.setting("DATABASE_URL"),
        url => url,
    }
}

fn transfer(from: &str, to: &str) -> Command {
    let folder = std::env::temp_dir();
    let settings = [("SECRET_KEY", SECRET_KEY), ("MOVE_FROM_URL", from), ("MOVE_TO_URL", to)];
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut transfer = command(&folder, &settings);
    transfer.arg("move");
    transfer
}

fn output(from: &str, to: &str) -> Output {
    transfer(from, to).output().expect("it runs")
}

/// Moves, and returns what the command prints.
fn moved(from: &str, to: &str) -> String {
    let output = output(from, to);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn not_moved(output: &Output) -> String {
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), problem.lines().count()), (Some(1), 1), "{problem}");
    problem
}

on_both_databases! {
    async fn cursors_sessions_and_numbers_go_on_in_the_other_database(server: Server) {
        let mut server = server;
        let (ann, _) = server.client().register("ann@example.com").await;
        let (laptop, tokens) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let (lost, _) = log_in(&server.client(), "ann@example.com", "lost").await;
        lost.post("/api/v1/auth/logout", json!({})).await.expect(204);
        server.client().post("/api/v1/auth/magic-link/request", json!({"email": "ann@example.com"})).await.expect(202);
        let body = json!({"text": "Ünï\\\"🦀\tx", "description": "two\nlines", "completed": true,
                          "metadata": {"due": "2026-12-24", "list": "\"home\""}});
        let first = ann.post("/api/v1/todos", body).await.expect(201).json();
        let gone = add(&ann, "gone").await;
        ann.delete(&at(&gone)).await.expect(204);
        let before = sync(&ann, json!({"include_deleted": true})).await;
        add(&ann, "after the cursor").await;
        let number = |task: &serde_json::Value| task["id"].as_i64().expect("a number");
        let last = number(&ann.post("/api/tasks", json!({"title": "numbered"})).await.expect(201).json());
        let all = sync(&ann, json!({"include_deleted": true})).await;
        stop(&mut server).await;

        let mut target = Target::beside(&server);
        let printed = moved(owner_url(&server), &target.url());
        for line in [" 1 rows of users", " 4 rows of todos", "the same rows and digests"] {
            assert!(printed.contains(line), "{line}: {printed}");
        }
        assert!(not_moved(&output(owner_url(&server), &target.url())).contains("already"));

        let mut new = target.serve().await;
        let [ann, laptop, lost] = [ann, laptop, lost].map(|client| new.client().with_token(client.token()));
        assert_eq!(sync(&ann, json!({"include_deleted": true})).await, all);
        // A device goes on from its old cursor.
        let cursor = json!({"last_sync": before["sync_timestamp"], "epoch": before["epoch"]});
        let news = sync(&laptop, cursor).await;
        assert_eq!(texts(&news["server_changes"]), ["after the cursor", "numbered"]);
        assert_eq!((&news["digest"], &news["epoch"]), (&all["digest"], &all["epoch"]));
        refresh(&new.client(), &tokens).await.expect(200);
        lost.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        let edit = json!({"text": "changed", "version": first["version"]});
        ann.patch(&at(&first), edit).await.expect(200);
        assert!(number(&ann.post("/api/tasks", json!({"title": "next"})).await.expect(201).json()) > last);
        let found = ann.get("/api/v1/todos?sort=alpha").await.expect(200).json();
        assert_eq!(texts(&found), ["after the cursor", "changed", "next", "numbered"]);
        let all = sync(&ann, json!({"include_deleted": true})).await;
        stop(&mut new).await;

        // And back again.
        let mut back = Target::beside(&new);
        moved(owner_url(&new), &back.url());
        let back = back.serve().await;
        let ann = back.client().with_token(ann.token());
        assert_eq!(sync(&ann, json!({"include_deleted": true})).await, all);
        assert_eq!(text(&add(&ann, "home").await["text"]), "home");
    }

    async fn a_move_that_is_broken_off_leaves_the_target_empty(server: Server) {
        let mut server = server;
        let (ann, _) = server.client().register("ann@example.com").await;
        add(&ann, "milk").await;
        stop(&mut server).await;
        let target = Target::beside(&server);
        // PostgreSQL, at whichever end, keeps the move waiting for its last table.
        let postgres = target.postgres.as_ref().or(server.postgres.as_ref()).expect("one of them");
        if target.postgres.is_some() {
            let settings = [("SECRET_KEY", SECRET_KEY.to_owned()), ("DATABASE_URL", target.url())];
            let settings = settings.map(|(name, value)| (name.to_owned(), value));
            let migrated = command(server.folder(), &settings).args(["migrate", "up"]).output().expect("it runs");
            assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        }
        let (locker, connection) =
            tokio_postgres::connect(&postgres.owner_url(), NoTls).await.expect("it connects");
        tokio::spawn(connection);
        locker.batch_execute("begin; lock table mail_outbox in access exclusive mode").await.expect("locked");
        let moving = transfer(owner_url(&server), &target.url()).stderr(Stdio::piped()).spawn().expect("it runs");
        until("the move to wait", || {
            let waiting = "select count(*) from pg_locks where not granted and relation = 'mail_outbox'::regclass";
            (postgres.sql(Role::Owner, waiting).expect("read") == "1").then_some(())
        })
        .await;
        let asked = Command::new("kill").arg(moving.id().to_string()).status().expect("kill runs");
        assert!(asked.success());
        let problem = not_moved(&moving.wait_with_output().expect("it ends"));
        assert!(problem.contains("the move was broken off; the target is empty"), "{problem}");
        locker.batch_execute("rollback").await.expect("unlocked");
        match &target.postgres {
            Some(database) => {
                let users = || database.sql(Role::Owner, "select count(*) from users").expect("read");
                assert_eq!(users(), "0");
            }
            None => assert!(!target.file().exists()),
        }
        assert!(moved(owner_url(&server), &target.url()).contains(" 1 rows of todos"));
    }

    async fn a_large_list_is_moved_with_its_digest(server: Server) {
        let mut server = server;
        let (ann, _) = server.client().register("ann@example.com").await;
        add(&ann, "milk").await;
        // Rows as a server writes them, but for the totals, which a repair computes.
        server.execute(match server.database() {
            Database::Sqlite => {
                "INSERT INTO todos (user_id, id, number, created_at, updated_at, version, title_version,
                    description_version, completed_version, deleted_version, title)
                 WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
                 SELECT user_id, randomblob(16), number + n, created_at + n, updated_at + n, 1, 1, 1, 1, 1, 'todo ' || n
                 FROM todos, n;
                 UPDATE todo_numbers SET next = next + 100000"
            }
            Database::Postgres => {
                "insert into todos (user_id, id, number, created_at, updated_at, version, title_version,
                    description_version, completed_version, deleted_version, title, title_folded, title_key)
                 select user_id, gen_random_uuid(), nextval('todo_numbers'), created_at, updated_at + n * interval '1 microsecond',
                    1, 1, 1, 1, 1, 'todo ' || n, 'todo ' || n, '\\x00' from todos, generate_series(1, 100000) n"
            }
        });
        let settings = server.settings().to_vec();
        let check = |arguments: &[&str]| {
            let done = command(server.folder(), &settings).arg("check").args(arguments).output().expect("it runs");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        };
        check(&["--repair"]);
        let digest = sync(&ann, json!({"last_sync": null, "limit": 1000})).await;
        assert_eq!(items(&digest["server_changes"]).len(), 1000);
        stop(&mut server).await;
        let target = Target::beside(&server);
        let printed = moved(owner_url(&server), &target.url());
        assert!(printed.contains(" 100001 rows of todos") && printed.contains("the same rows and digests"), "{printed}");
    }
}
