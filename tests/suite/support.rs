//! Helpers that many tests share.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use blackbox_tests::binary::workspace;
use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Answer, Client, Database, Server};
pub use domain_testkit::check_each;
use serde_json::{Value, json};

/// A valid id of no todo.
pub const UNKNOWN: &str = "018f3a6e-ffff-7000-8000-000000000000";

/// The `n`th of a sequence of ids.
pub fn id(n: usize) -> String {
    format!("018f3a6e-0000-7000-8000-{n:012x}")
}

/// Another server on the same database.
pub async fn twin(server: &Server) -> Server {
    Server::start_on(server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"), &[]).await
}

/// Logs a registered user in on another device; returns a client and the tokens.
pub async fn log_in(client: &Client, email: &str, device: &str) -> (Client, Value) {
    let body = json!({"email": email, "password": PASSWORD, "client_id": device});
    let tokens = client.post("/api/v1/auth/login", body).await.expect(200).json();
    (client.with_token(text(&tokens["access_token"])), tokens)
}

/// Refreshes with the refresh token of `tokens`.
pub async fn refresh(client: &Client, tokens: &Value) -> Answer {
    let body = json!({"refresh_token": tokens["refresh_token"]});
    client.anonymous().post("/api/v1/auth/refresh", body).await
}

/// Waits until `find` returns a value; `what` names it in the failure.
pub async fn until<T>(what: &str, find: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < TIMEOUT, "timed out waiting for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the server refuses the client's token with `code`.
pub async fn revoked(client: &Client, code: &str) {
    let start = Instant::now();
    loop {
        let answer = client.get("/api/v1/todos").await;
        if answer.status == 401 {
            return answer.expect_problem(401, code);
        }
        assert!(start.elapsed() < TIMEOUT, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The value of a metric without labels.
pub async fn total(server: &Server, metric: &str) -> f64 {
    let metrics = server.client().get("/metrics").await.expect(200).text;
    let line =
        metrics.lines().find_map(|line| line.strip_prefix(metric)).unwrap_or_else(|| panic!("{metric}"));
    line.trim().parse().expect("a number")
}

/// Creates a todo.
pub async fn add(client: &Client, text: &str) -> Value {
    client.post("/api/v1/todos", json!({"text": text})).await.expect(201).json()
}

/// The path of a todo.
pub fn at(todo: &Value) -> String {
    format!("/api/v1/todos/{}", text(&todo["id"]))
}

/// All todos of the user, including tombstones, from syncs that begin without a cursor.
pub async fn everything(client: &Client) -> Value {
    let (mut todos, mut cursor) = (Vec::new(), json!({"include_deleted": true}));
    loop {
        let mut page = client.post("/api/v1/todos/sync", cursor).await.expect(200).json();
        todos.extend(items(&page["server_changes"]).iter().cloned());
        if page["has_more"] == false {
            return todos.into();
        }
        cursor = json!({"last_sync": page["sync_timestamp"].take(), "epoch": page["epoch"].take()});
    }
}

/// Sends a sync request, which must succeed.
pub async fn sync(client: &Client, body: Value) -> Value {
    client.post("/api/v1/todos/sync", body).await.expect(200).json()
}

/// The texts of a list of todos.
pub fn texts(todos: &Value) -> Vec<&str> {
    items(todos).iter().map(|todo| text(&todo["text"])).collect()
}

/// The value as a string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

/// The value as an array.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// The member `name` of each item.
pub fn members(list: &Value, name: &str) -> Value {
    items(list).iter().map(|item| item[name].clone()).collect()
}

/// The path of an npm project in `tests/`, whose packages must be installed.
pub fn npm_project(name: &str) -> PathBuf {
    let folder = workspace().join("tests").join(name);
    assert!(
        folder.join("node_modules").is_dir(),
        "its packages are not installed: `cargo xtask test` does it, or `npm ci` in {}",
        folder.display()
    );
    folder
}

/// A program among the packages of `tests/requirements.txt`: beside `PYTHON_BIN` if the test runner set it, otherwise in
/// `target/`.
pub fn python_program(name: &str) -> PathBuf {
    let python = std::env::var_os("PYTHON_BIN").map_or_else(
        || {
            // This test's own executable is target/PROFILE/deps/NAME.
            let test = std::env::current_exe().expect("the test has a path");
            test.ancestors().nth(3).expect("a target folder").join("python-tools/bin/python")
        },
        PathBuf::from,
    );
    let program = python.with_file_name(name);
    assert!(
        program.is_file(),
        "there is no {}: `cargo xtask test` installs what the tests need, or name a Python in PYTHON_BIN after `pip \
         install --requirement tests/requirements.txt`",
        program.display()
    );
    program
}

/// A bulk request that creates `count` todos with the ids of [`id`].
pub fn numbered(count: usize) -> Value {
    let todos: Vec<_> = (0..count).map(|n| json!({"id": id(n), "text": format!("todo {n}")})).collect();
    json!({"todos": todos})
}

/// The SQL expression for the instant `days` days ago.
pub fn days_ago(server: &Server, days: u32) -> String {
    match server.database() {
        Database::Postgres => format!("now() - interval '{days} days'"),
        Database::Sqlite => format!("(unixepoch() - {days} * 86400) * 1000000"),
    }
}

/// Makes the tombstone of this title old, and waits until a server that runs housekeeping every second and
/// keeps tombstones for one day has deleted it.
pub async fn sweep(server: &Server, title: &str) {
    let two_days_ago = days_ago(server, 2);
    server.execute(&format!("UPDATE todos SET deleted_at = {two_days_ago} WHERE title = '{title}'"));
    let rows = format!("SELECT title AS value FROM todos WHERE title = '{title}'");
    until("the deletion of the tombstone", || server.column(&rows).is_empty().then_some(())).await;
}

/// The settings of a server for [`sweep`].
pub const SWEEPING: [(&str, &str); 2] = [("HOUSEKEEPING_PERIOD_SECONDS", "1"), ("TOMBSTONE_AGE_DAYS", "1")];

/// Moves every rotation and late repeat of a refresh token far enough into the past to end its grace
/// period.
pub fn end_grace_period(server: &Server) {
    let half_a_minute = match server.database() {
        Database::Postgres => "interval '31 seconds'",
        Database::Sqlite => "31000000",
    };
    server.execute(&format!(
        "UPDATE refresh_tokens SET replaced_at = replaced_at - {half_a_minute} WHERE replaced_at IS NOT NULL"
    ));
    server.execute(&format!(
        "UPDATE sessions SET late_repeat_at = late_repeat_at - {half_a_minute} WHERE late_repeat_at IS NOT NULL"
    ));
}
