//! The token contract and the task contracts.

mod forms;
mod instances;
mod limits;
mod surfaces;
mod tasks;
mod text_quota;
mod token;
mod user_tasks;

use blackbox_tests::Client;
use blackbox_tests::client::PASSWORD;
use serde_json::{Value, json};

use crate::support::text;

fn account(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// Registers and logs in through the token contract; also returns the tokens.
async fn token_user(client: &Client, email: &str) -> (Client, Value) {
    client.post("/auth/register", account(email)).await.expect(201);
    let tokens = client.post("/auth/login", account(email)).await.expect(200).json();
    (client.with_token(text(&tokens["access_token"])), tokens)
}

/// Signs up through the user task contract; also returns the path of the user's tasks.
async fn task_user(client: &Client, email: &str) -> (Client, String) {
    let signed_up = client.post("/api/auth/signup", account(email)).await.expect(201).json();
    let tasks = format!("/api/{}/tasks", text(&signed_up["user"]["id"]));
    (client.with_token(text(&signed_up["access_token"])), tasks)
}
