//! Row-level security on PostgreSQL: every feature works in each mode, and users stay isolated.

use blackbox_tests::server::command;
use blackbox_tests::{Database, Server, Socket};
use postgres_testbed::{Role, Testbed};
use serde_json::json;

use crate::support::{add, at, everything, id, items, log_in, refresh, sync, texts};

/// Uses every kind of statement as two users.
pub async fn everything_works(server: &Server) {
    let (ann, tokens) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    let todo = add(&ann, "milk").await;
    ann.patch(&at(&todo), json!({"completed": true, "version": 1})).await.expect(200);
    ann.delete(&at(&todo)).await.expect(204);
    ann.post(&format!("{}/restore", at(&todo)), json!({})).await.expect(200);
    let bulk: Vec<_> = (0..50).map(|n| json!({"id": id(n), "text": format!("todo {n}")})).collect();
    ann.post("/api/v1/todos/bulk", json!({"todos": bulk})).await.expect(201);
    sync(&ann, json!({"todos": [{"id": id(60), "text": "synced"}]})).await;
    assert_eq!(ann.get("/api/v1/todos?search=todo").await.expect(200).header("x-total-count"), "50");
    assert_eq!(items(&everything(&ann).await).len(), 52);
    assert_eq!(socket.take(55).await[54]["todo"]["text"], "synced");
    refresh(&server.client(), &tokens).await.expect(200);
    ann.patch("/api/v1/users/me", json!({"display_name": "Ann"})).await.expect(200);

    assert_eq!(everything(&bob).await, json!([]));
    bob.get(&at(&todo)).await.expect_problem(404, "RESOURCE_001");
    // Concurrent writers of several users may share a transaction, depending on the mode.
    let writes = (0..40).map(|n| {
        let client = if n % 2 == 0 { &ann } else { &bob };
        client.post(
            "/api/v1/todos",
            json!({"id": id(100 + n), "text": if n % 2 == 0 { "Ann's" } else { "Bob's" }}),
        )
    });
    let answers = futures_util::future::join_all(writes).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert!(texts(&everything(&bob).await).iter().all(|text| *text == "Bob's"));
    ann.post("/api/v1/auth/logout", json!({"all": true})).await.expect(204);
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_with_row_security_on_every_statement() {
    let mut server = Server::start_with(Database::Postgres, &[("DATABASE_ROW_SECURITY", "all")]).await;
    everything_works(&server).await;
    server.terminate();
    server.ended().await;
    let restrict = |what: &str| {
        let done =
            command(server.folder(), server.settings()).args(["migrate", "row-security", what]).output();
        let done = done.expect("it runs");
        assert!(done.status.success(), "{done:?}");
    };
    restrict("all");
    let (app, owner) = (server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"));
    let strict = Server::start_on(app, owner, &[("DATABASE_ROW_SECURITY", "all")]).await;
    let (ann, _) = log_in(&strict.client(), "ann@example.com", "phone").await;
    assert_eq!(items(&everything(&ann).await).len(), 72);
    let refused = command(server.folder(), &[]).envs([("DATABASE_URL", app), ("PORT", "0")]).output();
    let refused = String::from_utf8_lossy(&refused.expect("it runs").stderr).into_owned();
    assert!(refused.contains("`todo-server migrate row-security writes`"), "{refused}");
    restrict("writes");
    Server::start_on(app, owner, &[]).await.client().get("/health/ready").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_with_row_security_on_writes() {
    let server = Server::start_with(Database::Postgres, &[("DATABASE_ROW_SECURITY", "writes")]).await;
    everything_works(&server).await;
    let warnings = server.logs().lines().filter(|line| line.contains("row-level security")).count();
    assert_eq!(warnings, 0, "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_as_the_owner_and_a_log_line_says_that_row_security_is_off() {
    let database = Testbed::shared().create_database("owner_only");
    let server = Server::start_on(&database.owner_url(), "", &[]).await;
    everything_works(&server).await;
    let warnings = server.logs().lines().filter(|line| line.contains("row-level security")).count();
    assert_eq!(warnings, 1, "once: {}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_serving_role_cannot_write_without_naming_the_user() {
    let server = Server::start(Database::Postgres).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let todo = add(&ann, "milk").await;
    let database = server.postgres.as_ref().expect("it runs on PostgreSQL");
    for statement in
        ["UPDATE todos SET title = 'stolen'", "DELETE FROM todos", "TRUNCATE todos", "DROP TABLE todos"]
    {
        // Either refused or without effect.
        let _ = database.sql(Role::App, statement);
    }
    assert_eq!(ann.get(&at(&todo)).await.expect(200).json(), todo);
}
