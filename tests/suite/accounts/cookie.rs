//! The refresh token as a browser's cookie.

use blackbox_tests::{Answer, Client, Database, Server};
use serde_json::json;

use crate::support::log_in;

const ORIGIN: &str = "http://localhost:3000";

async fn post(
    client: &Client,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<serde_json::Value>,
) -> Answer {
    let request = client.request(reqwest::Method::POST, path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    client.send(if let Some(body) = body { request.json(&body) } else { request }).await
}

/// Splits the `Set-Cookie` header into the value and the attributes.
fn cookie(answer: &Answer) -> (String, String) {
    let (pair, attributes) = answer.header("set-cookie").split_once("; ").expect("attributes");
    let value = pair.strip_prefix("refresh_token=").expect("the refresh token's cookie");
    (value.to_owned(), attributes.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_allowed_origin_refreshes_with_a_cookie_it_cannot_read() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    client.register("ann@example.com").await;
    let body = json!({"email": "ann@example.com", "password": blackbox_tests::client::PASSWORD});
    let tokens =
        post(&client, "/api/v1/auth/login", &[("origin", ORIGIN)], Some(body.clone())).await.expect(200);
    let (value, attributes) = cookie(&tokens);
    assert_eq!(tokens.json()["refresh_token"], *value);
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/api/v1/auth/refresh", "Max-Age=604800"] {
        assert!(attributes.split("; ").any(|attribute| attribute == wanted), "{wanted}: {attributes}");
    }
    assert!(!attributes.contains("Secure"), "this is plain HTTP on this machine: {attributes}");

    let sent = format!("other=1; refresh_token={value}");
    let fresh = post(&client, "/api/v1/auth/refresh", &[("origin", ORIGIN), ("cookie", &sent)], None).await;
    let (successor, _) = cookie(&fresh.expect(200));
    assert_ne!(successor, value);

    // Without a cookie, the answer says what a browser needs to send it.
    let without = post(&client, "/api/v1/auth/refresh", &[("origin", ORIGIN)], None).await;
    without.expect_problem(401, "AUTH_005");
    assert!(without.text.contains("on one site"), "{without}");
    assert!(without.text.contains("credentials"), "{without}");

    // Without an allowed `Origin` the cookie is refused.
    for origin in [&[][..], &[("origin", "https://evil.example")], &[("origin", "null")]] {
        let headers: Vec<_> = origin.iter().copied().chain([("cookie", sent.as_str())]).collect();
        let refused = post(&client, "/api/v1/auth/refresh", &headers, None).await;
        refused.expect_problem(403, "AUTHZ_002");
    }
    // A failed request does not clear the cookie, which another tab may have renewed.
    let lost = [("origin", ORIGIN), ("cookie", "refresh_token=nonsense")];
    let lost = post(&client, "/api/v1/auth/refresh", &lost, None).await;
    lost.expect_problem(401, "AUTH_005");
    assert!(!lost.headers.contains_key("set-cookie"), "{lost}");
    // A client that sends no `Origin` gets no cookie.
    let plain = post(&client, "/api/v1/auth/login", &[], Some(body)).await.expect(200);
    assert!(!plain.headers.contains_key("set-cookie"), "{plain}");
}

/// Whether a login with these headers sets a `Secure` cookie.
async fn secure(client: &Client, headers: &[(&str, &str)]) -> bool {
    let body = json!({"email": "ann@example.com", "password": blackbox_tests::client::PASSWORD});
    let headers: Vec<_> = headers.iter().copied().chain([("origin", ORIGIN)]).collect();
    let (_, attributes) = cookie(&post(client, "/api/v1/auth/login", &headers, Some(body)).await.expect(200));
    attributes.split("; ").any(|attribute| attribute == "Secure")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_requires_tls_except_on_this_machine() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    client.register("ann@example.com").await;
    assert!(!secure(&client, &[]).await);
    assert!(!secure(&client, &[("host", "localhost:3000"), ("x-forwarded-proto", "http")]).await);
    for headers in [
        ("host", "todo.example.com"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-proto", "http, HTTPS"),
        ("forwarded", "for=192.0.2.1;proto=https;by=10.0.0.1"),
    ] {
        assert!(secure(&client, &[headers]).await, "{headers:?}");
    }
    let (ann, _) = log_in(&client, "ann@example.com", "phone").await;
    let out = post(&ann, "/api/v1/auth/logout", &[("origin", ORIGIN)], None).await.expect(204);
    assert!(out.header("set-cookie").starts_with("refresh_token=;"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_the_cookie_requires_tls_and_browsers_get_hsts() {
    let settings = [
        ("ENVIRONMENT", "production"),
        ("ALLOW_INSECURE", "RATE_LIMIT_ENABLED,ALLOWED_ORIGINS"),
        ("FRONTEND_URL", "https://app.example.com"),
        ("PUBLIC_URL", "https://api.example.com"),
        ("ALLOWED_ORIGINS", ORIGIN),
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", "9"),
        ("EMAILS_FROM", "todos@example.com"),
    ];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let client = server.client();
    let (ann, _) = client.register("ann@example.com").await;
    assert!(secure(&client, &[("host", "localhost"), ("x-forwarded-proto", "http")]).await);
    let year = "max-age=31536000";
    for answer in [ann.get("/api/v1/todos").await, client.get("/nowhere").await, client.get("/docs/").await] {
        assert_eq!(answer.header("strict-transport-security"), year, "{answer}");
    }

    let plain = Server::start(Database::Sqlite).await;
    assert!(!plain.client().get("/").await.headers.contains_key("strict-transport-security"));
}
