//! Bodies that are not JSON, and JSON that parsers treat differently.

use blackbox_tests::{Database, Server, Wire};
use serde_json::json;

use crate::support::{UNKNOWN, add, everything, items, refresh};

/// Endpoints that read a body, including `logout`, whose body is optional.
const ENDPOINTS: [(&str, &str); 11] = [
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/auth/change-password"),
    ("PATCH", "/api/v1/users/me"),
    ("POST", "/api/v1/todos"),
    ("PATCH", "/api/v1/todos/018f3a6e-0000-7000-8000-000000000001"),
    ("POST", "/api/v1/todos/bulk"),
    ("PATCH", "/api/v1/todos/bulk"),
    ("POST", "/api/v1/todos/sync"),
];

/// The maximum size of a body under `/api/v1/auth/`, in bytes.
const MAX_AUTH_BODY: usize = 16 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_a_json_object_is_refused_and_writes_nothing() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    add(&ann, "untouched").await;
    let before = everything(&ann).await;
    let bodies: [(&str, Vec<u8>, u16, &str); 14] = [
        ("cut off", b"{\"text\": \"x".to_vec(), 400, "VALIDATION_009"),
        ("trailing", b"{} {}".to_vec(), 400, "VALIDATION_009"),
        ("comments", b"{/* */}".to_vec(), 400, "VALIDATION_009"),
        ("not a number", b"{\"version\": NaN}".to_vec(), 400, "VALIDATION_009"),
        ("a leading zero", b"{\"version\": 01}".to_vec(), 400, "VALIDATION_009"),
        ("a bad escape", br#"{"text": "\x", "x": "\x"}"#.to_vec(), 400, "VALIDATION_009"),
        ("a raw newline", b"{\"x\": \"a\nb\"}".to_vec(), 400, "VALIDATION_009"),
        ("invalid UTF-8", b"{\"x\": \"\xc3\x28\"}".to_vec(), 400, "VALIDATION_009"),
        ("overlong UTF-8", b"{\"x\": \"\xc0\xaf\"}".to_vec(), 400, "VALIDATION_009"),
        (
            "UTF-16",
            "{\"text\": \"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            400,
            "VALIDATION_009",
        ),
        ("deep nesting in a small body", "[".repeat(MAX_AUTH_BODY).into_bytes(), 400, "VALIDATION_009"),
        ("deep nesting", "[".repeat(100_000).into_bytes(), 400, "VALIDATION_009"),
        ("three mebibytes", vec![b' '; 3 * 1024 * 1024], 413, "VALIDATION_010"),
        ("an array", b"[]".to_vec(), 422, "VALIDATION_006"),
    ];
    for (method, path) in ENDPOINTS {
        for (fault, body, status, code) in &bodies {
            let too_large = path.contains("/auth/") && body.len() > MAX_AUTH_BODY;
            let (status, code) = if too_large { (413, "VALIDATION_010") } else { (*status, *code) };
            let method = method.parse().expect("a method");
            let request = ann.request(method, path).header("content-type", "application/json");
            let refused = ann.send(request.body(body.clone())).await;
            assert_eq!((refused.status, &*refused.code()), (status, code), "{path}: {fault}: {refused}");
            refused.expect_problem(status, code);
        }
    }
    assert_eq!(everything(&ann).await, before);
    assert!(!server.logs().contains("panicked"), "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_nesting_is_ignored_or_refused_like_any_wrong_value() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let nested = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for deep in [nested("[", "]", 1_000_000), nested(r#"{"a":"#, "}", 300_000)] {
        ann.post_raw("/api/v1/todos", format!(r#"{{"text": {deep}}}"#))
            .await
            .expect_problem(422, "VALIDATION_006");
        let bulk = ann.post_raw("/api/v1/todos/bulk", format!(r#"{{"todos": [{{"text": {deep}}}]}}"#)).await;
        bulk.expect_problem(422, "VALIDATION_006");
        let sync = format!(r#"{{"x": 1, "todos": [{{"id": "{UNKNOWN}", "text": {deep}}}]}}"#);
        let answer = ann.post_raw("/api/v1/todos/sync", sync).await.expect(200);
        assert_eq!(answer.json()["rejected"][0]["error_code"], "VALIDATION_006", "{answer}");
        ann.post_raw("/api/v1/todos/sync", format!(r#"{{"unknown": {deep}}}"#)).await.expect(200);
    }
    assert_eq!(everything(&ann).await, json!([]));
    assert!(!server.logs().contains("panicked"), "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_surrogate_pair_is_refused() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for half in [r"\ud800", r"\udc00\ud800x", r"a\uD83D"] {
        for (path, body) in [
            (
                "/api/v1/auth/register",
                format!(r#"{{"email": "bob@example.com", "password": "Aa1{half}aaaaa"}}"#),
            ),
            ("/api/v1/auth/login", format!(r#"{{"email": "ann@example.com", "password": "{half}"}}"#)),
            ("/api/v1/auth/refresh", format!(r#"{{"refresh_token": "{half}"}}"#)),
            ("/api/v1/todos", format!(r#"{{"text": "{half}"}}"#)),
            ("/api/v1/todos", format!(r#"{{"text": "x", "id": "{half}"}}"#)),
            ("/api/v1/todos/sync", format!(r#"{{"client_id": "{half}", "todos": [{{"id": "{half}"}}]}}"#)),
        ] {
            ann.post_raw(path, body).await.expect_problem(400, "VALIDATION_009");
        }
        let bulk = format!(r#"{{"todos": [{{"text": "fine"}}, {{"text": "{half}"}}]}}"#);
        let answer = ann.post_raw("/api/v1/todos/bulk", bulk).await.expect(201).json();
        assert_eq!(answer["rejected"][0]["error_code"], "VALIDATION_009", "{answer}");
        assert_eq!(answer["created"][0]["text"], "fine", "{answer}");
        let sync = format!(r#"{{"todos": [{{"id": "{UNKNOWN}", "text": "{half}"}}]}}"#);
        let answer = ann.post_raw("/api/v1/todos/sync", sync).await;
        assert!(answer.json()["rejected"][0]["error_code"] == "VALIDATION_009", "{answer}");
    }
    let kept = everything(&ann).await;
    assert!(items(&kept).iter().all(|todo| todo["text"] == "fine"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_member_is_refused() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for (path, body) in [
        ("/api/v1/todos", r#"{"text": "one", "text": "two"}"#),
        ("/api/v1/todos", r#"{"text": "one", "te\u0078t": "two"}"#),
        ("/api/v1/auth/login", r#"{"email": "a@b.de", "password": "x", "password": "y"}"#),
        ("/api/v1/todos/sync", r#"{"todos": [], "todos": [{"id": "x", "text": "x"}]}"#),
    ] {
        let refused = ann.post_raw(path, body).await;
        assert!([400, 422].contains(&refused.status), "{body}: {refused}");
        refused.expect_problem(refused.status, &refused.code());
    }
    let bulk = ann.post_raw("/api/v1/todos/bulk", r#"{"todos": [{"text": "one", "text": "two"}]}"#).await;
    assert!([400, 422].contains(&bulk.status), "{bulk}");
    // An alias beside the name that it stands for is just as ambiguous.
    let both = ann.post("/api/v1/todos", json!({"text": "one", "title": "two"})).await;
    assert!(both.status < 500, "{both}");
    assert!(everything(&ann).await.as_array().is_some_and(|todos| todos.len() <= 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_unknown_members_are_ignored_and_many_errors_get_a_bounded_answer() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let many: serde_json::Map<_, _> = (0..50_000).map(|n| (format!("m{n}"), json!(n))).collect();
    ann.post("/api/v1/todos/sync", json!(many)).await.expect(200);
    let bad: Vec<_> = (0..1000).map(|_| json!({"text": 7, "completed": 7, "description": 7})).collect();
    let refused = ann.post("/api/v1/todos/bulk", json!({"todos": bad})).await;
    refused.expect_problem(422, "VALIDATION_006");
    assert!(refused.text.len() < 2 * 1024 * 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_refused_and_never_decompressed() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let send = |encoding: &'static str| {
        let request =
            ann.request(reqwest::Method::POST, "/api/v1/todos").header("content-encoding", encoding);
        ann.send(request.json(&json!({"text": "milk"})))
    };
    for encoding in ["gzip", "br", "identity, gzip", "deflate", ""] {
        send(encoding).await.expect_problem(415, "VALIDATION_011");
    }
    send("Identity").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_counts_as_absent_whatever_its_content_type() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, tokens) = server.client().register("ann@example.com").await;
    let types = ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream", ""];
    let empty = |path: &str, content_type: &str| {
        ann.send(ann.request(reqwest::Method::POST, path).header("content-type", content_type).body(""))
    };
    for content_type in types {
        // The body is optional here: the refusal is about the missing token.
        empty("/api/v1/auth/refresh", content_type).await.expect_problem(401, "AUTH_005");
        let required = empty("/api/v1/todos", content_type).await;
        required.expect_problem(400, "VALIDATION_009");
        assert_eq!(required.json()["message"], "A JSON body is required");
        // The content type of a body that is not empty is checked, whether its length is known or
        // it comes in chunks.
        let chunks = futures_util::stream::iter(["{}"].map(Ok::<_, std::io::Error>));
        for body in [reqwest::Body::from("{}"), reqwest::Body::wrap_stream(chunks)] {
            let request = ann.request(reqwest::Method::POST, "/api/v1/auth/refresh");
            let refused = ann.send(request.header("content-type", content_type).body(body)).await;
            refused.expect_problem(415, "VALIDATION_011");
        }
    }
    empty("/api/v1/auth/logout", "text/plain").await.expect(204);
    refresh(&server.client(), &tokens).await.expect_problem(401, "AUTH_004");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_arrives_after_an_upgrade_that_is_ignored() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let mut wire = Wire::connect(&server.base_url).await;
    let head = format!(
        "POST /api/v1/todos HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n",
        ann.token()
    );
    wire.send(head.as_bytes()).await;
    wire.read_continue().await;
    wire.send(br#"{"text": "bread"}"#).await;
    assert_eq!(wire.answer().await.status, 201);
}
