//! Tokens of a real Better Auth server.

mod algorithms;
mod endpoint;
mod example;
mod issuer;
mod keys;
mod refusals;
mod users;

use blackbox_tests::{Answer, Client, Database, Server};
use serde_json::json;

use self::issuer::{BetterAuth, Person};

/// Starts a server that verifies tokens with the issuer's published keys.
async fn trusting_keys(database: Database, issuer: &BetterAuth) -> Server {
    Server::start_with(database, &[("BETTER_AUTH_URL", &issuer.base_url)]).await
}

/// Starts a server that verifies tokens with the issuer's secret.
async fn trusting_secret(database: Database) -> Server {
    Server::start_with(database, &[("BETTER_AUTH_SECRET", issuer::SECRET)]).await
}

/// A client of `server` with a fresh token of the user.
async fn caller(server: &Server, person: &Person) -> Client {
    server.client().with_token(&person.token().await)
}

/// Requests the list of tasks with this token.
async fn ask(server: &Server, token: &str) -> Answer {
    server.client().with_token(token).get("/api/tasks").await
}

/// Creates a task.
async fn add_task(client: &Client, title: &str) -> Answer {
    client.post("/api/tasks", json!({"title": title})).await
}
