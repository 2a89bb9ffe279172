//! Behind a proxy: a path that it removes, slashes, and headers from peers that are not trusted.

use blackbox_tests::{Database, Server};
use reqwest::Method;
use serde_json::json;

use crate::support::add;

const ORIGIN: &str = "http://localhost:3000";

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_path_all_that_browsers_see_begins_with_it() {
    let settings = [("PUBLIC_URL", "http://localhost:8443/todo-api/")];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let client = server.client();
    let (ann, _) = client.register("ann@example.com").await;
    let account = json!({"email": "ann@example.com", "password": blackbox_tests::client::PASSWORD});
    for (path, cookie_path) in [
        ("/api/v1/auth/login", "Path=/todo-api/api/v1/auth/refresh"),
        ("/auth/login", "Path=/todo-api/auth/refresh"),
    ] {
        let login = client.request(Method::POST, path).header("origin", ORIGIN).json(&account);
        let answer = client.send(login).await.expect(200);
        let cookie = answer.header("set-cookie");
        assert!(cookie.split("; ").any(|attribute| attribute == cookie_path), "{cookie}");
    }
    let created = ann.post("/api/v1/todos", json!({"text": "Buy milk"})).await.expect(201);
    assert!(created.header("location").starts_with("/todo-api/api/v1/todos/"), "{created}");
    let created = ann.post("/api/tasks", json!({"title": "Buy bread"})).await.expect(201);
    assert_eq!(created.header("location"), "/todo-api/api/tasks/2");
    let listed = ann.get("/api/v1/todos?per_page=1").await.expect(200);
    let links: Vec<_> = listed.header("link").split(", ").collect();
    assert!(links.len() >= 3, "{links:?}");
    assert!(links.iter().all(|link| link.starts_with("</todo-api/api/v1/todos?")), "{links:?}");
    let index = client.get("/").await.expect(200).json();
    assert_eq!(
        (&index["docs"], &index["openapi"]),
        (&json!("/todo-api/docs"), &json!("/todo-api/openapi.json"))
    );
    let document = client.get("/openapi.json").await.expect(200).json();
    assert_eq!(document["servers"], json!([{"url": "/todo-api"}]));
    let socket = &client.get("/asyncapi.json").await.expect(200).json()["servers"]["todo-server"];
    assert_eq!((&socket["host"], &socket["pathname"]), (&json!("localhost:8443"), &json!("/todo-api")));
    // Relative, so that it holds under every path.
    let redirect = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let redirect = redirect.expect("a client").get(format!("{}/docs", server.base_url)).send().await;
    assert_eq!(redirect.expect("an answer").headers()["location"], "docs/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_changes_nothing() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let todo = add(&ann, "Buy milk").await;
    let id = todo["id"].as_str().expect("an id");
    for path in ["/todos/", "/api/v1/todos/?per_page=1", "/api/tasks/", "/health/live/", "/openapi.json/"] {
        ann.get(path).await.expect(200);
    }
    assert_eq!(ann.get(&format!("/api/v1/todos/{id}/")).await.expect(200).json(), todo);
    ann.post("/api/v1/todos/", json!({"text": "Buy bread"})).await.expect(201);
    ann.put("/todos/", json!({})).await.expect_problem(405, "RESOURCE_003");
    assert!(ann.get("/docs/").await.expect(200).text.contains("<title>"));
    for path in ["/nowhere/", "/todos//", "//"] {
        ann.get(path).await.expect_problem(404, "RESOURCE_003");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarding_header_that_nobody_trusts_is_said_once() {
    let lines = async |settings: &[(&str, &str)]| {
        let server = Server::start_with(Database::Sqlite, settings).await;
        let client = server.client();
        for name in ["x-forwarded-for", "forwarded", "x-forwarded-for"] {
            let value = if name == "forwarded" { "for=192.0.2.1" } else { "192.0.2.1" };
            let login = client.request(Method::POST, "/api/v1/auth/login").header(name, value);
            let body = json!({"email": "ann@example.com", "password": "Wrong-Horse-7"});
            client.send(login.json(&body)).await.expect_problem(401, "AUTH_001");
        }
        server.logs().lines().filter(|line| line.contains("TRUSTED_PROXIES")).count()
    };
    assert_eq!(lines(&[]).await, 1);
    assert_eq!(lines(&[("TRUSTED_PROXIES", "127.0.0.1")]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_forwarding_headers_that_disagree_are_said_once() {
    let server = Server::start_with(Database::Sqlite, &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let client = server.client();
    for (other, lines) in [("192.0.2.1", 0), ("192.0.2.2", 1), ("192.0.2.3", 1)] {
        let login = client.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", "192.0.2.1");
        let body = json!({"email": "ann@example.com", "password": "Wrong-Horse-7"});
        let login = login.header("forwarded", format!("for={other}")).json(&body);
        client.send(login).await.expect_problem(401, "AUTH_001");
        let logs = server.logs();
        let said = logs.lines().filter(|line| line.contains("X-Forwarded-For and Forwarded")).count();
        assert_eq!(said, lines, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_tracing_libraries_add_pass_the_preflight() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    for headers in ["authorization,baggage,sentry-trace", "traceparent,tracestate", "x-requested-with"] {
        let preflight = client
            .request(Method::OPTIONS, "/api/v1/todos")
            .header("origin", ORIGIN)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", headers);
        let answer = client.send(preflight).await.expect(200);
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        assert!(headers.split(',').all(|header| allowed.contains(header)), "{headers}: {allowed}");
    }
}
