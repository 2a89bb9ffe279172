//! Tokens of a real Better Auth, signed up for there and brought here.

mod algorithms;
mod endpoint;
mod issuer;
mod keys;
mod next_js;
mod refusals;
mod users;

use blackbox_tests::{Answer, Client, Database, Server};
use serde_json::json;

use self::issuer::{BetterAuth, Person};

/// A server that takes the tokens of this issuer by its keys.
async fn trusting_keys(database: Database, issuer: &BetterAuth) -> Server {
    Server::start_with(database, &[("BETTER_AUTH_URL", &issuer.base_url)]).await
}

/// A server that takes what was signed with the issuer's secret.
async fn trusting_secret(database: Database) -> Server {
    Server::start_with(database, &[("BETTER_AUTH_SECRET", issuer::SECRET)]).await
}

/// The person as a caller of `server`.
async fn caller(server: &Server, person: &Person) -> Client {
    server.client().with_token(&person.token().await)
}

/// Asks for the list of tasks with this token.
async fn ask(server: &Server, token: &str) -> Answer {
    server.client().with_token(token).get("/api/tasks").await
}

/// Adds a task with this title.
async fn add_task(client: &Client, title: &str) -> Answer {
    client.post("/api/tasks", json!({"title": title})).await
}
