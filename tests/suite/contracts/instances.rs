//! Two instances of the server on one PostgreSQL database.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Database, Server};
use serde_json::json;

use super::token_user;
use crate::support::{revoked, text, twin};

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_session_on_one_instance_ends_both_tokens_on_another() {
    let one = Server::start(Database::Postgres).await;
    let two = twin(&one).await;
    for path in ["/auth/logout", "/auth/change-password"] {
        let email = format!("{}@example.com", path.len());
        let (ann, tokens) = token_user(&one.client(), &email).await;
        let there = two.client().with_token(text(&tokens["access_token"]));
        there.get("/todos").await.expect(200);
        let body = json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"});
        ann.post(path, body).await.expect(200);
        let refresh = json!({"refresh_token": tokens["refresh_token"]});
        two.client().post("/auth/refresh", refresh).await.expect_problem(401, "AUTH_004");
        revoked(&there, "AUTH_004").await;
    }
}
