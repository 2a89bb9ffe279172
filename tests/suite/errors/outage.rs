//! An outage of the database.

use std::time::{Duration, Instant};

use blackbox_tests::{Answer, Client, Server, Socket};
use postgres_testbed::{Durability, PrivateCluster};
use serde_json::json;

use crate::support::{add, at, everything, items, refresh, text, texts};

/// Repeats a request until the answer satisfies `is_expected`.
async fn eventually(what: &str, client: &Client, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let start = Instant::now();
    loop {
        let answer = client.get(path).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{what}: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_reports_and_survives_a_database_outage_without_loss() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("outage");
    let settings = [("DATABASE_TIMEOUT_MS", "1000")];
    // The cluster accepts any password.
    let with_password = |url: String| url.replacen('@', ":canary-4718@", 1);
    let (app, owner) = (with_password(database.app_url()), with_password(database.owner_url()));
    let server = Server::start_on(&app, &owner, &settings).await;
    let (ann, tokens) = server.client().register("ann@example.com").await;
    let todo = add(&ann, "before").await;
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    assert_eq!(server.client().get("/health").await.expect(200).json()["status"], "healthy");

    cluster.stop_immediate();
    // At first only the database is unavailable; the list of revocations is still fresh.
    let started = Instant::now();
    for answer in [
        ann.get("/api/v1/todos").await,
        ann.get(&at(&todo)).await,
        ann.post("/api/v1/todos", json!({"text": "during"})).await,
        ann.patch(&at(&todo), json!({"text": "during"})).await,
        ann.post("/api/v1/todos/sync", json!({"todos": []})).await,
        refresh(&server.client(), &tokens).await,
        server
            .client()
            .post("/api/v1/auth/login", json!({"email": "ann@example.com", "password": "x"}))
            .await,
    ] {
        answer.expect_problem(503, "SERVER_001");
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{answer}");
        for internal in ["postgres", "connection", "127.0.0.1", "todo_app"] {
            assert!(!answer.text.contains(internal), "no internals: {answer}");
        }
        if started.elapsed() > Duration::from_secs(8) {
            break;
        }
    }
    let health = server.client().get("/health").await;
    assert_eq!((health.status, &health.json()["status"]), (503, &json!("unhealthy")), "{health}");
    assert_eq!(
        (&health.json()["database"], &health.json()["checks"]["db_connection"]),
        (&json!("disconnected"), &json!(false))
    );
    assert_eq!(server.client().get("/health/ready").await.status, 503);
    server.client().get("/health/live").await.expect(200);

    // After ten seconds the list of revocations is stale, and every token is refused.
    let closed =
        eventually("it fails closed", &ann, "/api/v1/todos", |answer| answer.code() == "SERVER_003").await;
    closed.expect_problem(503, "SERVER_003");
    assert!(closed.headers.contains_key("retry-after"), "{closed}");
    // The other contracts answer 500 for both.
    let credentials = json!({"email": "ann@example.com", "password": "x"});
    for (answer, code) in [
        (ann.get("/todos").await, "SERVER_003"),
        (ann.get("/api/tasks").await, "SERVER_003"),
        (ann.get(&format!("/api/{}/tasks", text(&tokens["user"]["id"]))).await, "SERVER_003"),
        (server.client().post("/auth/login", credentials.clone()).await, "SERVER_001"),
        (server.client().post("/api/auth/signin", credentials).await, "SERVER_001"),
    ] {
        answer.expect_problem(500, code);
        assert!(answer.headers.contains_key("retry-after"), "{answer}");
    }
    assert!(started.elapsed() >= Duration::from_secs(8), "not before the list is old");
    assert_eq!(Socket::open(&server.socket_url(), ann.token(), "").await.err(), Some(503));

    for _ in 0..50 {
        assert_eq!(server.client().get("/health").await.status, 503);
    }
    let away = started.elapsed();
    cluster.start_again();
    eventually("it works again without a restart", &ann, "/api/v1/todos", |answer| answer.status == 200)
        .await;
    let healthy =
        eventually("it is healthy", &server.client(), "/health", |answer| answer.status == 200).await;
    assert_eq!(healthy.json()["checks"]["db_connection"], true);
    add(&ann, "after").await;
    let all = everything(&ann).await;
    let shown = texts(&all);
    assert!(shown.contains(&"before") && shown.contains(&"after"), "{shown:?}");
    // The socket survived the outage without a gap.
    let events = socket.drain().await;
    let announced: Vec<_> = events.iter().filter(|event| event["type"] == "todo_created").collect();
    assert_eq!(announced.len(), items(&all).len() - 1, "{events:?}");
    let logs = server.logs();
    assert!(!logs.contains("canary-4718"), "no password in what is logged of an outage");
    // All requests together log one error in ten seconds; each background worker may add two.
    let errors = logs.lines().filter(|line| line.contains("\"ERROR\"")).count();
    let tens = usize::try_from(away.as_secs() / 10).expect("not that long");
    assert!((1..=tens + 6).contains(&errors), "{errors} lines in {away:?}:\n{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_database_says_so_and_exits() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("absent");
    cluster.stop_immediate();
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let settings =
        [("DATABASE_URL", database.app_url()), ("SECRET_KEY", "x".repeat(40)), ("PORT", "0".into())];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let ended = tokio::task::spawn_blocking(move || {
        blackbox_tests::server::command(folder.path(), &settings).output().expect("it runs")
    });
    let ended = tokio::time::timeout(Duration::from_mins(1), ended).await.expect("it ends").expect("it ran");
    assert!(!ended.status.success());
    let output =
        String::from_utf8_lossy(&ended.stderr).into_owned() + &String::from_utf8_lossy(&ended.stdout);
    assert!(output.contains("DATABASE_URL") || output.contains("database"), "{output}");
}
