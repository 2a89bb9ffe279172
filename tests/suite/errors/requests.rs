//! Requirements on requests: path, method, body, request id.

use blackbox_tests::{Database, Server};
use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use crate::support::{UNKNOWN, check_each};

const TODOS: &str = "/api/v1/todos";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_route_differs_from_a_wrong_method() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let unknown = ann.get("/api/v1/nowhere").await;
    expect![[r#"
        404
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "There is no such resource; /docs lists all resources", "details": {},
         "error_code": "RESOURCE_003"}
    "#]]
    .assert_eq(&unknown.to_string());
    let unknown =
        ["/nowhere", "/api", "/api/v1", "/api/v1/", "/api/v2/todos", "//", "/api/v1/todos/x/y/z", "/%00"];
    check_each(unknown, async |path| ann.get(path).await.expect_problem(404, "RESOURCE_003")).await;
    let wrong = ann.put(TODOS, json!({})).await;
    expect![[r#"
        405
        content-type: application/problem+json
        allow: GET, HEAD, POST
        cache-control: private, no-store
        {"detail": "This resource does not support this method; it supports GET, HEAD, POST", "details": {},
         "error_code": "RESOURCE_003"}
    "#]]
    .assert_eq(&wrong.to_string());
    let cases = [
        (Method::DELETE, TODOS, "GET, HEAD, POST"),
        (Method::POST, "/api/v1/todos/018f3a6e-0000-7000-8000-000000000001", "GET, HEAD, PATCH, DELETE"),
        (Method::GET, "/api/v1/todos/bulk", "POST, PATCH"),
        (Method::GET, "/api/v1/todos/sync", "POST"),
        (Method::PATCH, "/api/v1/todos/sync", "POST"),
        (Method::GET, "/api/v1/auth/login", "POST"),
        (Method::POST, "/api/v1/users/me", "GET, HEAD, PATCH, DELETE"),
        (Method::POST, "/health", "GET, HEAD"),
        (Method::POST, "/ws/todos", "GET"),
        // A HEAD would have the side effect of the GET: consume a link or start a login.
        (Method::HEAD, "/api/v1/auth/magic-link/verify?token=x", "GET"),
        (Method::HEAD, "/api/v1/auth/oauth/google/login", "GET"),
        (Method::HEAD, "/api/v1/auth/oauth/google/callback?state=x&code=y", "GET, POST"),
    ];
    check_each(cases, async |(method, path, allow)| {
        let refused = ann.send(ann.request(method.clone(), path)).await;
        if *method == Method::HEAD {
            assert_eq!((refused.status, refused.text.as_str()), (405, ""), "{refused}");
        } else {
            refused.expect_problem(405, "RESOURCE_003");
        }
        assert_eq!(refused.header("allow"), *allow, "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_to_be_json_in_utf8() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let malformed = ann.post_raw(TODOS, "{\"text\": ").await;
    expect![[r#"
        400
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "The body is not valid JSON at line 1, column 9", "details": {"column": 9, "line": 1},
         "error_code": "VALIDATION_009"}
    "#]]
    .assert_eq(&malformed.to_string());
    for body in
        [&b""[..], b"{", b"{}}", b"{'text': 'x'}", b"{\"text\": \"\xff\xfe\"}", b"\xef\xbb\xbf{}x", b"text=x"]
    {
        ann.post_raw(TODOS, body).await.expect_problem(400, "VALIDATION_009");
    }
    for body in ["[]", "7", "\"text\"", "null", "true"] {
        ann.post_raw(TODOS, body).await.expect_problem(422, "VALIDATION_006");
    }
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let request =
            ann.request(Method::POST, TODOS).header("content-type", content_type).body("{\"text\": \"x\"}");
        ann.send(request).await.expect_problem(415, "VALIDATION_011");
    }
    let none = ann.request(Method::POST, TODOS).body("{\"text\": \"x\"}");
    ann.send(none).await.expect_problem(415, "VALIDATION_011");
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        let request =
            ann.request(Method::POST, TODOS).header("content-type", content_type).body("{\"text\": \"x\"}");
        ann.send(request).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_two_mebibytes_is_too_large() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let padded = |bytes: usize| format!("{{\"text\": \"x\", \"pad\": \"{}\"}}", "y".repeat(bytes - 24));
    ann.post_raw(TODOS, padded(2 * 1024 * 1024)).await.expect(201);
    ann.post_raw(TODOS, padded(2 * 1024 * 1024 + 1)).await.expect_problem(413, "VALIDATION_010");
    ann.post_raw(TODOS, padded(3 * 1024 * 1024)).await.expect_problem(413, "VALIDATION_010");
    // A chunked body without a Content-Length.
    let chunks = (0..30).map(|_| Ok::<_, std::io::Error>("z".repeat(100 * 1024)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    ann.post_raw(TODOS, body).await.expect_problem(413, "VALIDATION_010");
    assert_eq!(ann.get(TODOS).await.header("x-total-count"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_kept_if_valid_and_replaced_otherwise() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    for (id, kept) in [("A-b_9", true), ("a\"b", false)] {
        let answer = client.send(client.request(Method::GET, TODOS).header("x-request-id", id)).await;
        answer.expect_problem(401, "AUTH_005");
        assert_eq!(answer.header("x-request-id") == id, kept, "{answer}");
    }
    let (one, two) = (client.get("/").await, client.get("/").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_and_tokens_are_refused() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for id in [UNKNOWN, "no-uuid"] {
        ann.delete(&format!("/api/v1/users/me/devices/{id}")).await.expect_problem(404, "RESOURCE_002");
    }
    let login = server.client().get("/api/v1/auth/oauth/nobody/login").await;
    login.expect_problem(404, "RESOURCE_002");
    for path in ["verify-email", "oauth/exchange", "reset-password"] {
        let body = json!({"token": UNKNOWN, "code": UNKNOWN, "password": "Other-Horse-8"});
        let refused = server.client().post(&format!("/api/v1/auth/{path}"), body).await;
        refused.expect_problem(400, "AUTH_008");
    }
    let magic = server.client().get(&format!("/api/v1/auth/magic-link/verify?token={UNKNOWN}")).await;
    magic.expect_problem(400, "AUTH_008");
}
