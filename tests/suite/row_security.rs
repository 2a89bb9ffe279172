//! The second fence on PostgreSQL, in each of its modes, seen from outside: everything works, and users stay apart.

use blackbox_tests::{Database, Server, Socket};
use postgres_testbed::{Role, Testbed};
use serde_json::json;

use crate::support::{add, at, everything, id, items, refresh, sync, texts};

/// One user does everything there is beside another.
async fn everything_works(server: &Server) {
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
    // Writers of many users at once share transactions where the mode lets them.
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
async fn with_the_fence_around_every_statement_everything_works() {
    let server = Server::start_with(Database::Postgres, &[("DATABASE_ROW_SECURITY", "all")]).await;
    everything_works(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_fence_around_writes_everything_works() {
    let server = Server::start_with(Database::Postgres, &[("DATABASE_ROW_SECURITY", "writes")]).await;
    everything_works(&server).await;
    let fence_off = server.logs().lines().filter(|line| line.contains("row-level security")).count();
    assert_eq!(fence_off, 0, "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_owners_url_everything_works_and_the_start_says_that_the_fence_is_off() {
    let database = Testbed::shared().create_database("owner_only");
    let server = Server::start_on(&database.owner_url(), "", &[]).await;
    everything_works(&server).await;
    let told = server.logs().lines().filter(|line| line.contains("row-level security")).count();
    assert_eq!(told, 1, "once: {}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_serves_can_not_change_another_users_rows_without_saying_whose() {
    let server = Server::start(Database::Postgres).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let todo = add(&ann, "milk").await;
    let database = server.postgres.as_ref().expect("it runs on PostgreSQL");
    for forgetful in
        ["UPDATE todos SET title = 'stolen'", "DELETE FROM todos", "TRUNCATE todos", "DROP TABLE todos"]
    {
        // Refused, or without effect.
        let _ = database.sql(Role::App, forgetful);
    }
    assert_eq!(ann.get(&at(&todo)).await.expect(200).json(), todo);
}
