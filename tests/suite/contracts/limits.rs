//! Limits that the contracts share: todos, requests, and guesses at a password.

use blackbox_tests::{Answer, Client, Database, Server, on_both_databases};
use serde_json::json;

use super::{account, token_user};
use crate::support::text;

/// Registers a user; returns the paths of the user's list in the token and task contracts too.
pub async fn user_with_lists(server: &Server, email: &str) -> (Client, [String; 3]) {
    let (user, _) = token_user(&server.client(), email).await;
    let id = user.get("/api/v1/users/me").await.expect(200).json()["id"].clone();
    (user, ["/todos".to_owned(), "/api/tasks".to_owned(), format!("/api/{}/tasks", text(&id))])
}

fn expect_limited(answer: &Answer) {
    answer.expect_problem(429, "RATE_001");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{answer}");
    assert!(answer.header("ratelimit").contains("r=0"), "{answer}");
    assert!(answer.header("ratelimit-policy").contains("q="), "{answer}");
}

on_both_databases! {
    async fn the_quota_of_todos_counts_over_all_contracts(database: Database) {
        let server = Server::start_with(database, &[("MAX_TODOS_PER_USER", "1")]).await;
        let (ann, lists) = user_with_lists(&server, "ann@example.com").await;
        let milk = ann.post("/api/tasks", json!({"title": "Buy milk"})).await.expect(201);
        for list in &lists {
            ann.post(list, json!({"title": "Buy bread"})).await.expect_problem(409, "QUOTA_001");
        }
        ann.delete(milk.header("location")).await.expect(200);
        ann.post("/todos", json!({"title": "Buy bread"})).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_user_count_together_over_all_contracts() {
    let settings =
        [("RATE_LIMIT_ENABLED", "true"), ("RATE_LIMIT_API", "2/1m"), ("RATE_LIMIT_API_BURST", "4")];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let (ann, lists) = user_with_lists(&server, "ann@example.com").await;
    for list in &lists {
        ann.get(list).await.expect(200);
    }
    for list in &lists {
        expect_limited(&ann.get(list).await);
    }
    let (bob, lists) = user_with_lists(&server, "bob@example.com").await;
    bob.get(&lists[2]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_count_together_over_all_contracts() {
    let server = Server::start_with(Database::Sqlite, &[("RATE_LIMIT_ENABLED", "true")]).await;
    let client = server.client();
    client.register("ann@example.com").await;
    let wrong = json!({"email": "ann@example.com", "password": "Wrong-Horse-7"});
    for n in 0..5 {
        let path = if n % 2 == 0 { "/auth/login" } else { "/api/auth/signin" };
        client.post(path, wrong.clone()).await.expect_problem(401, "AUTH_001");
    }
    for path in ["/auth/login", "/api/auth/signin"] {
        expect_limited(&client.post(path, account("ann@example.com")).await);
    }
}
