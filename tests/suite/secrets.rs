//! No secret reaches a log, an error or a metric, even at the most verbose log level.

use blackbox_tests::{Client, Database, Server, Socket, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{add, at, refresh, text};

const PASSWORD: &str = "Canary-Password-4711";
const NEW_PASSWORD: &str = "Canary-Replaced-4712";
const WRONG_PASSWORD: &str = "Canary-Mistyped-4713";
const SECRET_KEY: &str = "canary-secret-key-of-more-than-32-bytes-4714";
const DATABASE_PASSWORD: &str = "canary-database-4716";
const CONTENT: &str = "canary-content-4715";

/// The bodies of all error responses.
#[derive(Default)]
struct ErrorBodies(String);

impl ErrorBodies {
    fn record(&mut self, answer: &blackbox_tests::Answer) {
        if answer.status >= 400 {
            self.0.push_str(&answer.text);
            self.0.push('\n');
        }
    }
}

/// Uses every endpoint correctly and incorrectly; returns the tokens used.
async fn use_everything(server: &Server, errors: &mut ErrorBodies) -> Vec<String> {
    let anonymous = server.client();
    let credentials =
        |password: &str| json!({"email": "canary@example.com", "password": password, "client_id": "phone"});
    let tokens = anonymous.post("/api/v1/auth/register", credentials(PASSWORD)).await.expect(201).json();
    errors.record(&anonymous.post("/api/v1/auth/register", credentials(PASSWORD)).await);
    errors
        .record(&anonymous.post("/api/v1/auth/register", json!({"email": "x", "password": PASSWORD})).await);
    errors.record(&anonymous.post("/api/v1/auth/login", credentials(WRONG_PASSWORD)).await);
    errors.record(&anonymous.post_raw("/api/v1/auth/login", format!("{{\"password\": \"{PASSWORD}\"")).await);
    errors.record(
        &anonymous.post("/api/v1/auth/login", json!({"email": PASSWORD, "password": [PASSWORD]})).await,
    );
    let login = anonymous.post("/api/v1/auth/login", credentials(PASSWORD)).await.expect(200).json();
    let fresh = refresh(&anonymous, &login).await.expect(200).json();
    let ann = anonymous.with_token(text(&fresh["access_token"]));
    errors.record(
        &refresh(&anonymous, &json!({"refresh_token": format!("{}x", text(&login["refresh_token"]))})).await,
    );
    use_todos(&ann, errors).await;
    let url = server.socket_url();
    let by_query = Socket::handshake(&format!("{url}?token={}", ann.token()), &[]).await;
    let mut socket = by_query.unwrap_or_else(|refusal| panic!("{refusal}"));
    socket.drain().await;
    let spoilt = format!("{url}?token={}x&since=yesterday", ann.token());
    if let Err(refusal) = Socket::handshake(&spoilt, &[]).await {
        errors.record(&refusal);
    }
    errors.record(&ann.get(&format!("/ws/todos?token={}", ann.token())).await);
    errors.record(&ann.get(&format!("/nowhere?token={}", ann.token())).await);
    errors.record(&ann.get(&format!("/api/v1/todos/{}", ann.token())).await);
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    errors.record(&ann.post("/api/v1/auth/change-password", change(WRONG_PASSWORD, NEW_PASSWORD)).await);
    ann.post("/api/v1/auth/change-password", change(PASSWORD, NEW_PASSWORD)).await.expect(204);
    ann.post("/api/v1/auth/logout", json!({"all": true})).await.expect(204);
    errors.record(&ann.get("/api/v1/todos").await);
    [&tokens, &login, &fresh]
        .iter()
        .flat_map(|tokens| {
            [text(&tokens["access_token"]).to_owned(), text(&tokens["refresh_token"]).to_owned()]
        })
        .collect()
}

async fn use_todos(ann: &Client, errors: &mut ErrorBodies) {
    let todo = add(ann, CONTENT).await;
    ann.get(&at(&todo)).await.expect(200);
    ann.get(&format!("/api/v1/todos?search={CONTENT}")).await.expect(200);
    ann.patch(&at(&todo), json!({"description": CONTENT})).await.expect(200);
    errors.record(&ann.patch(&at(&todo), json!({"text": "\u{0}"})).await);
    let bulk = json!({"todos": [{"text": CONTENT}]});
    ann.post("/api/v1/todos/bulk", bulk).await.expect(201);
    ann.post("/api/v1/todos/sync", json!({"todos": [{"id": "x", "text": CONTENT}]})).await;
    ann.delete(&at(&todo)).await.expect(204);
    errors.record(&ann.send(ann.request(Method::POST, "/api/v1/todos").body("x")).await);
    ann.get("/api/v1/users/me").await.expect(200);
    ann.patch("/api/v1/users/me", json!({"display_name": CONTENT})).await.expect(200);
}

on_both_databases! {
    async fn no_secret_reaches_a_log_an_error_or_a_metric(server: Server) {
        let settings = [("LOG_LEVEL", "debug"), ("DATABASE_ECHO", "true"), ("SECRET_KEY", SECRET_KEY)];
        // The test cluster accepts any password.
        let with_password = |url: &str| url.replacen('@', &format!(":{DATABASE_PASSWORD}@"), 1);
        let mut server = match &server.postgres {
            Some(database) => {
                let (app, owner) = (with_password(&database.app_url()), with_password(&database.owner_url()));
                Server::start_on(&app, &owner, &settings).await
            }
            None => Server::start_with(Database::Sqlite, &settings).await,
        };
        let mut errors = ErrorBodies::default();
        let tokens = use_everything(&server, &mut errors).await;
        let metrics = server.client().get("/metrics").await.expect(200).text;
        server.terminate();
        server.ended().await;
        let logs = server.logs();
        assert!(logs.lines().count() > 20, "it is talkative: {logs}");

        let mut secrets: Vec<&str> =
            vec![PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, SECRET_KEY, DATABASE_PASSWORD, CONTENT, "$2b$"];
        for token in &tokens {
            secrets.push(token);
            // The signature alone is a secret too.
            secrets.push(token.rsplit('.').next().expect("a part"));
        }
        for secret in secrets {
            for (place, text) in [("the log", &logs), ("an error", &errors.0), ("the metrics", &metrics)] {
                let found = text.lines().find(|line| line.contains(secret));
                assert!(found.is_none(), "{secret} stands in {place}: {found:?}");
            }
        }
    }

    async fn a_log_line_has_user_route_and_status(server: Server) {
        let (ann, tokens) = server.client().register("ann@example.com").await;
        let todo = add(&ann, "milk").await;
        let request =
            ann.request(Method::GET, &format!("{}?secret=abc", at(&todo))).header("x-request-id", "traced-1");
        ann.send(request).await.expect(200);
        let start = std::time::Instant::now();
        let line = loop {
            let logs = server.logs();
            let is_access = |line: &&str| line.contains("traced-1") && line.contains("\"access\"");
            if let Some(line) = logs.lines().find(is_access) {
                break line.to_owned();
            }
            assert!(start.elapsed().as_secs() < 10, "no line: {logs}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        let line: Value = serde_json::from_str(&line).expect("logs are JSON, a line each");
        let whole = line.to_string();
        for part in ["/api/v1/todos/{id}", "200", text(&tokens["user"]["id"])] {
            assert!(whole.contains(part), "{part}: {whole}");
        }
        assert!(!whole.contains("secret=abc") && !whole.contains(text(&todo["id"])), "{whole}");
        assert!(
            whole.contains("latency") || whole.contains("duration") || whole.contains("elapsed"),
            "{whole}"
        );
    }
}

/// The log line of the first mail.
async fn log_of_a_mail(environment: &str) -> String {
    let server = Server::start_with(Database::Sqlite, &[("ENVIRONMENT", environment)]).await;
    server.client().register("ann@example.com").await;
    let start = std::time::Instant::now();
    loop {
        if let Some(line) = server.logs().lines().find(|line| line.contains("mail written")) {
            return line.to_owned();
        }
        assert!(start.elapsed().as_secs() < 10, "no mail was written: {}", server.logs());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_mail_is_logged_in_development_only() {
    assert!(log_of_a_mail("development").await.contains("/verify-email?token="));
    let line = log_of_a_mail("staging").await;
    assert!(!line.contains("token="), "{line}");
}

#[test]
fn a_bad_database_url_is_reported_without_its_password() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for url in [
        "postgres://todo:canary-4717@127.0.0.1:1/todos",
        "postgres://todo:canary-4717@127.0.0.1:99999/todos",
        "postgres://todo:canary-4717@/todos?sslmode=perhaps",
        "mysql://todo:canary-4717@localhost/todos",
    ] {
        let settings = [
            ("DATABASE_URL", url),
            ("SECRET_KEY", SECRET_KEY),
            ("LOG_LEVEL", "debug"),
            ("DATABASE_TIMEOUT_MS", "500"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for arguments in [&["check-config"][..], &["serve"]] {
            let output = blackbox_tests::server::command(folder.path(), &settings)
                .args(arguments)
                .output()
                .expect("it runs");
            let output = [output.stdout, output.stderr].concat();
            assert!(
                !String::from_utf8_lossy(&output).contains("canary-4717"),
                "{}",
                String::from_utf8_lossy(&output)
            );
        }
    }
}
