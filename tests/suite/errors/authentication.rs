//! The `Authorization` header and the scopes of a token. `hostile::tokens` has the tokens that are
//! refused.

use blackbox_tests::server::SECRET_KEY;
use blackbox_tests::{Database, Server};
use jsonwebtoken::{EncodingKey, dangerous, encode};
use reqwest::Method;
use serde_json::{Value, json};

const TODOS: &str = "/api/v1/todos";

/// A token with the claims of `token` but another scope, signed with the server's key.
fn with_scope(token: &str, scope: &str) -> String {
    let mut data = dangerous::insecure_decode::<Value>(token).expect("the server's own token can be read");
    data.claims["scope"] = json!(scope);
    encode(&data.header, &data.claims, &EncodingKey::from_secret(SECRET_KEY.as_bytes()))
        .expect("it can be signed")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_names_its_user_and_lives_as_long_as_the_response_says() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, tokens) = server.client().register("Ann@example.com").await;
    let data = dangerous::insecure_decode::<Value>(ann.token()).expect("the server's own token can be read");
    let claims = data.claims;
    assert_eq!((&claims["sub"], &claims["email"]), (&tokens["user"]["id"], &json!("Ann@example.com")));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("todo-sync"), &json!("todo-sync")));
    let number = |name: &str| claims[name].as_i64().expect("a number");
    assert_eq!((number("exp") - number("iat"), &tokens["expires_in"]), (900, &json!(900)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_a_bearer_token() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (client, token) = (server.client(), ann.token());
    let missing = client.get(TODOS).await;
    missing.expect_problem(401, "AUTH_005");
    // RFC 6750 section 3: a request without a token gets no error code.
    assert!(!missing.header("www-authenticate").contains("error="), "{missing}");
    for header in ["", "Bearer", "Bearer ", "Basic YW5uOng=", "Token x", token, "Bearer \u{e4}"] {
        let request = client.request(Method::GET, TODOS).header("authorization", header.as_bytes());
        client.send(request).await.expect_problem(401, "AUTH_005");
    }
    let lower_case = client.request(Method::GET, TODOS).header("authorization", format!("bearer {token}"));
    client.send(lower_case).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_no_more_than_its_scope() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let scoped = |scope| server.client().with_token(&with_scope(ann.token(), scope));
    let reader = scoped("todos:read");
    reader.get(TODOS).await.expect(200);
    let refused = reader.post(TODOS, json!({"text": "x"})).await;
    refused.expect_problem(403, "AUTHZ_002");
    assert!(refused.header("www-authenticate").contains("error=\"insufficient_scope\""), "{refused}");
    for (path, body) in [
        ("/api/v1/todos/bulk", json!({"todos": [{"text": "x"}]})),
        ("/api/v1/todos/sync", json!({"todos": [{"id": "x"}]})),
    ] {
        reader.post(path, body).await.expect_problem(403, "AUTHZ_002");
    }
    reader.get("/api/v1/users/me").await.expect_problem(403, "AUTHZ_002");
    for scope in ["account", ""] {
        scoped(scope).get(TODOS).await.expect_problem(403, "AUTHZ_002");
    }
    let writer = scoped("todos:read todos:write something:else");
    writer.post(TODOS, json!({"text": "x"})).await.expect(201);
    let body = json!({"current_password": "x", "new_password": "y"});
    writer.post("/api/v1/auth/change-password", body).await.expect_problem(403, "AUTHZ_002");
}
