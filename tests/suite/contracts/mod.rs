//! The token contract and the task contracts.

mod instances;
mod limits;
mod surfaces;
mod tasks;
mod token;
mod user_tasks;

use blackbox_tests::Client;
use blackbox_tests::client::PASSWORD;
use serde_json::{Value, json};

use crate::support::text;

fn account(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// Registers and logs in on the token contract; gives the tokens too.
async fn token_user(client: &Client, email: &str) -> (Client, Value) {
    client.post("/auth/register", account(email)).await.expect(201);
    let tokens = client.post("/auth/login", account(email)).await.expect(200).json();
    (client.with_token(text(&tokens["access_token"])), tokens)
}

/// Signs up on the user task contract; gives the path of the user's tasks too.
async fn task_user(client: &Client, email: &str) -> (Client, String) {
    let signed_up = client.post("/api/auth/signup", account(email)).await.expect(201).json();
    let tasks = format!("/api/{}/tasks", text(&signed_up["user"]["id"]));
    (client.with_token(text(&signed_up["access_token"])), tasks)
}
