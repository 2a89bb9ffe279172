//! What is limited: todos, requests, guesses at a password, and what a token of an external issuer allows.

use blackbox_tests::{Answer, Client, Database, Server};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{account, token_user};
use crate::support::text;

/// A token user, and the paths of the lists that they have on the three contracts.
async fn user_with_lists(server: &Server, email: &str) -> (Client, [String; 3]) {
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

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_of_todos_counts_over_all_contracts() {
    for database in [Database::Sqlite, Database::Postgres] {
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
    for database in [Database::Sqlite, Database::Postgres] {
        let settings =
            [("RATE_LIMIT_ENABLED", "true"), ("RATE_LIMIT_API", "2/1m"), ("RATE_LIMIT_API_BURST", "4")];
        let server = Server::start_with(database, &settings).await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_count_together_over_all_contracts() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = Server::start_with(database, &[("RATE_LIMIT_ENABLED", "true")]).await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_external_issuer_opens_tasks_and_not_the_account() {
    const SECRET: &str = "what both sides know and nobody else, at length";
    for database in [Database::Sqlite, Database::Postgres] {
        let server = Server::start_with(database, &[("BETTER_AUTH_SECRET", SECRET)]).await;
        let claims: Value = json!({"sub": "user-7", "email": "ann@example.com", "exp": 4_102_444_800_u64});
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let ann = server.client().with_token(&encode(&Header::default(), &claims, &key).expect("a token"));
        let task = ann.post("/api/tasks", json!({"title": "Buy milk"})).await.expect(201).json();
        assert_eq!(task["user_id"], "user-7", "the subject as the token states it");
        assert_eq!(ann.get("/api/user-7/tasks").await.expect(200).json(), json!([task]));
        ann.get("/api/user-8/tasks").await.expect_problem(403, "AUTHZ_001");
        let body = json!({"current_password": "a", "new_password": "b"});
        for path in ["/auth/logout", "/auth/change-password"] {
            let refused = ann.post(path, body.clone()).await;
            refused.expect_problem(403, "AUTHZ_002");
            let challenge = r#"Bearer error="insufficient_scope", scope="account""#;
            assert_eq!(refused.header("www-authenticate"), challenge);
        }
    }
}
