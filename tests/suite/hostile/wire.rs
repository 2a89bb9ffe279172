//! Requests that no HTTP client would send.

use blackbox_tests::{Answer, Database, Server, Wire};

async fn exchange(server: &Server, bytes: &[u8]) -> Answer {
    let mut wire = Wire::connect(&server.base_url).await;
    wire.send(bytes).await;
    wire.answer().await
}

fn get(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_targets_and_headers_are_refused_with_a_problem_body() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let bearer = format!("Authorization: Bearer {}\r\n", ann.token());
    for target in [
        "/api/v1/todos/%zz",
        "/api/v1/todos/%",
        "/api/v1/todos/%ff%fe",
        "/api/v1/todos/%00",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/docs/../../etc/passwd",
        "/docs/%2e%2e%2fCargo.toml",
        "/api/v1/todos/x%2fy",
        "/api/v1/todos;a=b",
    ] {
        let refused = exchange(&server, &get(target, &bearer)).await;
        assert_eq!(refused.status, 404, "{target}: {refused}");
        refused.expect_problem(404, &refused.code());
    }
    for query in ["search=%", "search=%zz", "search=%ff", "page=1&page=2", "&&&=&=x", "filter=active%00"] {
        let answer = exchange(&server, &get(&format!("/api/v1/todos?{query}"), &bearer)).await;
        assert!(answer.status < 500, "{query}: {answer}");
        if answer.status >= 400 {
            answer.expect_problem(422, "VALIDATION_006");
        }
    }
    // A URL of 60,000 bytes gets an answer; headers beyond the limits are refused.
    let long =
        exchange(&server, &get(&format!("/api/v1/todos?search={}", "x".repeat(60_000)), &bearer)).await;
    assert!(long.status < 500, "{long}");
    for headers in [format!("X-Big: {}\r\n", "x".repeat(1_000_000)), "X-Many: 1\r\n".repeat(2_000)] {
        let refused = exchange(&server, &get("/api/v1/todos", &headers)).await;
        assert!((400..500).contains(&refused.status), "{}", refused.status);
    }
    ann.get("/api/v1/todos").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_framing_ends_only_its_own_connection() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let head = format!(
        "POST /api/v1/todos HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
        ann.token()
    );
    let body = r#"{"text": "smuggled"}"#;
    for framing in [
        format!("Content-Length: -1\r\n\r\n{body}"),
        format!("Content-Length: x\r\n\r\n{body}"),
        format!("Content-Length: 20\r\nContent-Length: 21\r\n\r\n{body}"),
        format!("Content-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        format!("Transfer-Encoding: gibberish\r\n\r\n{body}"),
        format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{body}\r\n0\r\n\r\n"),
    ] {
        let refused = exchange(&server, format!("{head}{framing}").as_bytes()).await;
        assert!((400..500).contains(&refused.status), "{framing:?}: {refused}");
    }
    for request in ["GARBAGE\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n"] {
        let refused = exchange(&server, request.as_bytes()).await;
        assert!((400..506).contains(&refused.status), "{request:?}: {refused}");
    }
    // The body is shorter than its `Content-Length`: the rest never arrives.
    let mut wire = Wire::connect(&server.base_url).await;
    wire.send(format!("{head}Content-Length: 500\r\n\r\n{body}").as_bytes()).await;
    wire.reset();
    let list = ann.get("/api/v1/todos").await.expect(200);
    assert_eq!(list.header("x-total-count"), "0");
    assert!(!server.logs().contains("panicked"), "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_is_answered_on_every_path() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for method in
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "x"]
    {
        for path in [
            "/",
            "/health",
            "/docs",
            "/api/v1/todos",
            "/api/v1/todos/x",
            "/api/v1/auth/login",
            "/ws/todos",
            "/nowhere",
        ] {
            let answer = ann.send(ann.request(method.parse().expect("a method"), path)).await;
            assert!(answer.status < 500, "{method} {path}: {answer}");
            if method == "TRACE" {
                assert!([404, 405].contains(&answer.status), "{path}: {answer}");
            }
            if answer.status == 405 {
                assert!(!answer.header("allow").is_empty(), "{method} {path}: {answer}");
            }
            if answer.status >= 400 && method != "HEAD" {
                answer.expect_problem(answer.status, &answer.code());
            }
        }
    }
    let head = ann.send(ann.request(reqwest::Method::HEAD, "/api/v1/todos")).await.expect(200);
    assert_eq!((head.text.as_str(), head.header("x-total-count")), ("", "0"));
}
