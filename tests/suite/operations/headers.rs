//! Response headers: security, caching, compression, CORS.

use blackbox_tests::{Answer, Client, Database, Server};
use expect_test::expect;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::support::{add, at};

const TODOS: &str = "/api/v1/todos";

async fn ask(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(method, path);
    client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for path in ["/", TODOS, "/api/v1/nowhere", "/api/v1/todos/x", "/health", "/metrics", "/openapi.json"] {
        let answer = ann.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert!(!answer.headers.contains_key("server"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_protected_routes_are_not_stored_by_shared_caches() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let todo = add(&ann, "milk").await;
    assert_eq!(ann.get(&at(&todo)).await.header("cache-control"), "private, no-cache");
    for answer in [
        ann.get(TODOS).await,
        ann.post("/api/v1/todos/sync", json!({})).await,
        ann.get("/api/v1/users/me").await,
        ann.get("/api/v1/todos/x").await,
        server.client().get(TODOS).await,
    ] {
        assert_eq!(answer.header("cache-control"), "private, no-store", "{answer}");
    }
    // Answers that contain tokens must not be stored either.
    let body = json!({"email": "ann@example.com", "password": blackbox_tests::client::PASSWORD});
    let tokens = server.client().post("/api/v1/auth/login", body).await.expect(200);
    assert!(tokens.header("cache-control").contains("no-store"), "{tokens}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_over_one_kibibyte_are_compressed_if_the_client_accepts_it() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let todos: Vec<_> = (0..50).map(|n| json!({"text": format!("todo {n}")})).collect();
    ann.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
    let gzip =
        ann.request(Method::GET, TODOS).header("accept-encoding", "gzip").send().await.expect("an answer");
    assert_eq!(gzip.headers().get("content-encoding").map(HeaderValue::as_bytes), Some(&b"gzip"[..]));
    let vary =
        gzip.headers().get_all("vary").iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(", ");
    assert!(vary.to_lowercase().contains("accept-encoding"), "{vary}");
    let bytes = gzip.bytes().await.expect("a body");
    assert_eq!(bytes[..2], [0x1f, 0x8b], "it is gzip");
    for accept in ["identity", "gzip;q=0", "br;q=0, gzip;q=0.0"] {
        let plain = ask(&ann, Method::GET, TODOS, &[("accept-encoding", accept)]).await;
        assert!(!plain.headers.contains_key("content-encoding"), "{accept}");
        assert_eq!(plain.json().as_array().map(Vec::len), Some(50));
    }
    let small = ask(&ann, Method::GET, "/", &[("accept-encoding", "gzip")]).await;
    assert!(!small.headers.contains_key("content-encoding"), "{small}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_origins_get_cors_headers() {
    let server = Server::start_with(
        Database::Sqlite,
        &[("ALLOWED_ORIGINS", "https://app.example.com,http://localhost:3000")],
    )
    .await;
    let ann = server.client().new_user().await;
    let allowed = [("origin", "https://app.example.com")];
    let simple = ask(&ann, Method::GET, TODOS, &allowed).await.expect(200);
    assert_eq!(simple.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(simple.header("access-control-allow-credentials"), "true");
    let vary =
        simple.headers.get_all("vary").iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(", ");
    assert!(vary.to_lowercase().contains("origin"), "{vary}");
    let exposed = simple.header("access-control-expose-headers").to_lowercase();
    for name in [
        "etag",
        "link",
        "location",
        "retry-after",
        "ratelimit",
        "x-request-id",
        "x-total-count",
        "x-sync-timestamp",
        "www-authenticate",
    ] {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
    // The page can read error answers too.
    let refused = ask(&server.client(), Method::GET, TODOS, &allowed).await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (401, "https://app.example.com")
    );

    let preflight = ask(
        &server.client(),
        Method::OPTIONS,
        &format!("{TODOS}/x"),
        &[
            ("origin", "https://app.example.com"),
            ("access-control-request-method", "PATCH"),
            (
                "access-control-request-headers",
                "authorization,content-type,if-match,if-none-match,x-request-id,traceparent,tracestate,baggage,\
                 sentry-trace,x-requested-with,idempotency-key",
            ),
        ],
    )
    .await;
    assert!([200, 204].contains(&preflight.status), "{preflight}");
    assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example.com");
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"), "{preflight}");
    assert!(preflight.header("access-control-max-age").parse::<u32>().is_ok_and(|seconds| seconds >= 600));

    let preflight = |origin, header| {
        let asked = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", header),
        ];
        let client = server.client();
        async move { ask(&client, Method::OPTIONS, TODOS, &asked).await }
    };
    // Such as tracing libraries add.
    let traced = preflight("https://app.example.com", "authorization,b3,x-datadog-trace-id").await;
    assert!([200, 204].contains(&traced.status), "{traced}");
    let headers = traced.header("access-control-allow-headers").to_lowercase();
    assert!(
        ["authorization", "b3", "x-datadog-trace-id"].iter().all(|name| headers.contains(name)),
        "{headers}"
    );
    let origin = preflight("https://evil.example", "authorization").await;
    origin.expect_problem(403, "AUTHZ_002");
    assert!(origin.text.contains("ALLOWED_ORIGINS"), "{origin}");

    for origin in
        ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null"]
    {
        let foreign = ask(
            &server.client(),
            Method::OPTIONS,
            TODOS,
            &[("origin", origin), ("access-control-request-method", "POST")],
        )
        .await;
        assert!(!foreign.headers.contains_key("access-control-allow-origin"), "{origin}: {foreign}");
    }
    let foreign = ask(&ann, Method::POST, TODOS, &[("origin", "https://evil.example")]).await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"), "{foreign}");
    expect![[r#"
        400
        content-type: application/problem+json
        cache-control: private, no-store
        {"detail": "A JSON body is required", "details": {}, "error_code": "VALIDATION_009"}
    "#]]
    .assert_eq(&foreign.to_string());
}
