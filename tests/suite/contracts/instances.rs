//! Two instances of the server on one PostgreSQL.

use std::time::{Duration, Instant};

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Client, Database, Server};
use serde_json::json;

use super::token_user;
use crate::support::text;

/// How soon what ends on one instance has ended on the others.
const SOON: Duration = Duration::from_secs(2);

/// Waits until the token is refused as ended.
async fn ends(client: &Client) {
    let start = Instant::now();
    loop {
        let answer = client.get("/todos").await;
        if answer.status == 401 {
            answer.expect_problem(401, "AUTH_004");
            return;
        }
        assert!(start.elapsed() < SOON, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tokens_are_dead_on_another_instance_within_two_seconds() {
    let one = Server::start(Database::Postgres).await;
    let (app, owner) = (one.setting("DATABASE_URL"), one.setting("MIGRATION_DATABASE_URL"));
    let keys = [("SECRET_KEY", one.setting("SECRET_KEY"))];
    let two = Server::start_on(app, owner, &keys).await;
    for change in ["/auth/logout", "/auth/change-password"] {
        let email = format!("{}@example.com", change.len());
        let (ann, tokens) = token_user(&one.client(), &email).await;
        let there = two.client().with_token(text(&tokens["access_token"]));
        there.get("/todos").await.expect(200);
        let body = json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"});
        ann.post(change, body).await.expect(200);
        let refresh = json!({"refresh_token": tokens["refresh_token"]});
        two.client().post("/auth/refresh", refresh).await.expect_problem(401, "AUTH_004");
        ends(&there).await;
    }
}
