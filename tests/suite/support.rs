//! Steps that many tests take.

use std::process::Command;
use std::time::{Duration, Instant};

use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::PATIENCE;
use blackbox_tests::{Answer, Client, Server};
use postgres_testbed::Role;
use serde_json::{Value, json};

/// An id that no test makes a todo of unless it says so.
pub const UNKNOWN: &str = "018f3a6e-ffff-7000-8000-000000000000";

/// The `n`th of a row of ids.
pub fn id(n: usize) -> String {
    format!("018f3a6e-0000-7000-8000-{n:012x}")
}

/// Another server on the same database.
pub async fn twin(server: &Server) -> Server {
    Server::start_on(server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"), &[]).await
}

/// Logs a registered user in on another device.
pub async fn log_in(client: &Client, email: &str, device: &str) -> (Client, Value) {
    let body = json!({"email": email, "password": PASSWORD, "client_id": device});
    let tokens = client.post("/api/v1/auth/login", body).await.expect(200).json();
    (client.with_token(text(&tokens["access_token"])), tokens)
}

/// Exchanges a refresh token.
pub async fn refresh(client: &Client, tokens: &Value) -> Answer {
    let body = json!({"refresh_token": tokens["refresh_token"]});
    client.anonymous().post("/api/v1/auth/refresh", body).await
}

/// Waits until there is such a thing.
pub async fn until<T>(what: &str, find: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "it does not come: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the server refuses the client's token with `code`; fails after two seconds.
pub async fn refused_in_time(client: &Client, code: &str) {
    let start = Instant::now();
    loop {
        let answer = client.get("/api/v1/todos").await;
        if answer.status == 401 {
            return answer.expect_problem(401, code);
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Creates a todo.
pub async fn add(client: &Client, text: &str) -> Value {
    client.post("/api/v1/todos", json!({"text": text})).await.expect(201).json()
}

/// A todo's address.
pub fn at(todo: &Value) -> String {
    format!("/api/v1/todos/{}", text(&todo["id"]))
}

/// Everything the user has, tombstones included, as a sync from the beginning tells it.
pub async fn everything(client: &Client) -> Value {
    client.post("/api/v1/todos/sync", json!({})).await.expect(200).json()["server_changes"].take()
}

/// Syncs.
pub async fn sync(client: &Client, body: Value) -> Value {
    client.post("/api/v1/todos/sync", body).await.expect(200).json()
}

/// The texts of a list of todos.
pub fn texts(todos: &Value) -> Vec<&str> {
    items(todos).iter().map(|todo| text(&todo["text"])).collect()
}

/// A string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

/// A list.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// One member of each item of a list.
pub fn members(list: &Value, name: &str) -> Value {
    items(list).iter().map(|item| item[name].clone()).collect()
}

/// Runs a statement as the database's owner; gives the first value of its first row.
pub fn sql(server: &Server, statement: &str) -> String {
    if let Some(database) = &server.postgres {
        return database.sql(Role::Owner, statement).expect("it runs");
    }
    let program = "import sqlite3, sys\n\
                   with sqlite3.connect(sys.argv[1]) as database:\n    \
                       print(*(database.execute(sys.argv[2]).fetchone() or []))";
    let file = server.setting("DATABASE_URL").trim_start_matches("sqlite://");
    let output = Command::new("python3").args(["-c", program, file, statement]).output();
    let output = output.expect("Python is needed: `apt-get install python3`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
