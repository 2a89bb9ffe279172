//! `/metrics`.

use std::time::Duration;

use blackbox_tests::{Client, Database, Server, Socket, on_both_databases};
use serde_json::json;

use crate::support::{add, at};

on_both_databases! {
    async fn requests_are_counted_by_route_pattern_and_never_by_path(server: Server) {
        let ann = server.client().new_user().await;
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        let todo = add(&ann, "milk").await;
        assert_eq!(socket.next().await["type"], "todo_created");
        ann.get(&at(&todo)).await.expect(200);
        ann.get("/api/v1/todos/not-an-id-at-all").await.expect_problem(404, "RESOURCE_001");
        ann.get("/some/secret/path?token=abc").await.expect_problem(404, "RESOURCE_003");
        ann.send(ann.request("BREW".parse().expect("a method"), "/api/v1/todos")).await;
        let bad = json!({"email": "ann@example.com", "password": "Wrong-Horse-7"});
        ann.post("/api/v1/auth/login", bad).await.expect_problem(401, "AUTH_001");
        let metrics = server.client().get("/metrics").await.expect(200);
        assert!(metrics.header("content-type").starts_with("text/plain"), "{metrics}");
        let has =
            |wanted: &[&str]| metrics.text.lines().any(|line| wanted.iter().all(|part| line.contains(part)));
        for wanted in [
            &[
                "http_requests_total{",
                "method=\"GET\"",
                "endpoint=\"/api/v1/todos/{id}\"",
                "status=\"200\"",
                "} 1",
            ][..],
            &["http_requests_total{", "endpoint=\"/api/v1/todos/{id}\"", "status=\"404\"", "} 1"],
            &[
                "http_requests_total{",
                "method=\"POST\"",
                "endpoint=\"/api/v1/auth/login\"",
                "status=\"401\"",
                "} 1",
            ],
            &["http_request_duration_seconds_bucket{", "endpoint=\"/api/v1/todos\"", "le=\"+Inf\""],
            &["realtime_sockets_open 1"],
            &["realtime_events_delivered_total 1"],
            &["realtime_events_dropped_total 0"],
            &["database_connections_in_use "],
            &["database_requests_waiting "],
            &["logins_total{", "outcome=\"wrong\"", "} 1"],
        ] {
            assert!(has(wanted), "{wanted:?}:\n{}", metrics.text);
        }
        // A background task may wait for a moment.
        let idle = async {
            let none_waits = |text: &str| text.lines().any(|line| line == "database_requests_waiting 0");
            while !none_waits(&server.client().get("/metrics").await.expect(200).text) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), idle).await.expect("no request waits for long");
        for leak in ["not-an-id-at-all", "secret", "abc", "BREW", at(&todo).as_str()] {
            assert!(!metrics.text.contains(leak), "{leak}:\n{}", metrics.text);
        }
    }

    async fn a_device_that_repairs_is_counted_once(server: Server) {
        let ann = server.client().new_user().await;
        for title in ["milk", "tea"] {
            add(&ann, title).await;
        }
        let sync = async |request| ann.post("/api/v1/todos/sync", request).await.expect(200).json();
        let repairs = async || {
            let metrics = server.client().get("/metrics").await.expect(200).text;
            let line = metrics.lines().find_map(|line| line.strip_prefix("sync_repairs_total "));
            line.expect("the series").to_owned()
        };
        // A device that is new, or goes on, has nothing to repair.
        let first = sync(json!({"include_deleted": true})).await;
        sync(json!({"last_sync": first["sync_timestamp"], "epoch": first["epoch"], "include_deleted": true})).await;
        assert_eq!(repairs().await, "0");
        let page = sync(json!({"epoch": first["epoch"], "include_deleted": true, "limit": 1})).await;
        assert_eq!(page["has_more"], true);
        sync(json!({"last_sync": page["sync_timestamp"], "epoch": page["epoch"], "include_deleted": true})).await;
        assert_eq!(repairs().await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_on_a_port_of_their_own_are_on_no_other_port() {
    let server = Server::start_with(Database::Sqlite, &[("METRICS_PORT", "0")]).await;
    server.client().get("/metrics").await.expect_problem(404, "RESOURCE_003");
    server.client().get("/%6detrics").await.expect_problem(404, "RESOURCE_003");
    let logs = server.logs();
    let url = logs.lines().find_map(|line| line.strip_prefix("metrics are at ")).expect("the address");
    let metrics = Client::new(url.trim_end_matches("/metrics"));
    let answer = metrics.get("/metrics").await.expect(200);
    assert!(
        answer.text.contains("http_requests_total{") && !answer.header("x-request-id").is_empty(),
        "{answer}"
    );
    // That port serves nothing else.
    for path in ["/", "/health", "/api/v1/todos", "/docs/", "/metrics/"] {
        metrics.get(path).await.expect_problem(404, "RESOURCE_003");
    }
}
