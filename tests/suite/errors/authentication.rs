//! What an access token has to be.

use blackbox_tests::server::SECRET_KEY;
use blackbox_tests::{Answer, Client, Database, Server};
use jsonwebtoken::{Algorithm, EncodingKey, Header, dangerous, encode};
use serde_json::{Value, json};

const TODOS: &str = "/api/v1/todos";

/// A real token's header and claims, to be bent.
fn claims(token: &str) -> (Header, Value) {
    let data = dangerous::insecure_decode::<Value>(token).expect("the server's own token can be read");
    (data.header, data.claims)
}

/// The same token, were it signed with the server's key to say this.
fn forged(token: &str, bend: impl FnOnce(&mut Header, &mut Value)) -> String {
    let (mut header, mut claims) = claims(token);
    bend(&mut header, &mut claims);
    encode(&header, &claims, &EncodingKey::from_secret(SECRET_KEY.as_bytes())).expect("it can be signed")
}

async fn ask(client: &Client, token: &str) -> Answer {
    client.with_token(token).get(TODOS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_what_the_contract_has_it_say() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, tokens) = server.client().register("Ann@example.com").await;
    let (header, claims) = claims(ann.token());
    assert_eq!(header.alg, Algorithm::HS256);
    assert!(header.kid.is_some());
    assert_eq!(claims["sub"], tokens["user"]["id"]);
    assert_eq!(claims["email"], "Ann@example.com");
    assert_eq!(
        (&claims["type"], &claims["scope"]),
        (&json!("access"), &json!("todos:read todos:write account"))
    );
    let lifetime = claims["exp"].as_i64().expect("a number") - claims["iat"].as_i64().expect("a number");
    assert_eq!((lifetime, &tokens["expires_in"]), (900, &json!(900)));
    for name in ["jti", "sid", "iss", "aud"] {
        assert!(claims[name].is_string(), "{name}: {claims}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_told_apart_from_a_bad_one() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let ago = |seconds: i64| {
        forged(ann.token(), |_, claims| {
            let now = claims["iat"].as_i64().expect("a number");
            claims["iat"] = json!(now - 10_000);
            claims["exp"] = json!(now - seconds);
        })
    };
    let expired = ask(&server.client(), &ago(60)).await;
    expired.expect_problem(401, "AUTH_002");
    assert!(expired.header("www-authenticate").contains("error=\"invalid_token\""), "{expired}");
    // Clocks may differ by half a minute.
    ask(&server.client(), &ago(5)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_malformed_token_is_told_what_to_send() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, tokens) = server.client().register("ann@example.com").await;
    let client = server.client();
    let missing = client.get(TODOS).await;
    missing.expect_problem(401, "AUTH_005");
    assert!(
        !missing.header("www-authenticate").contains("error="),
        "no token, no error (RFC 6750): {missing}"
    );
    let real = ann.token();
    let (head, rest) = real.split_once('.').expect("three parts");
    let (payload, signature) = rest.split_once('.').expect("three parts");
    let refresh_token = tokens["refresh_token"].as_str().expect("a token");
    for token in [
        "nonsense",
        "..",
        "a.b.c",
        refresh_token,
        &format!("{head}.{payload}"),
        &format!("{real}.{signature}"),
        &"x".repeat(6_000),
    ] {
        ask(&client, token).await.expect_problem(401, "AUTH_005");
    }
    for header in ["", "Bearer", "Bearer ", "Basic YW5uOng=", "Token x", real, "Bearer \u{e4}"] {
        let request = client.request(reqwest::Method::GET, TODOS).header("authorization", header.as_bytes());
        client.send(request).await.expect_problem(401, "AUTH_005");
    }
    for (bent, why) in [
        (forged(real, |_, claims| claims["type"] = json!("refresh")), "a refresh token"),
        (forged(real, |_, claims| drop(claims.as_object_mut().expect("claims").remove("exp"))), "no exp"),
        (forged(real, |_, claims| drop(claims.as_object_mut().expect("claims").remove("sub"))), "no sub"),
        (forged(real, |_, claims| drop(claims.as_object_mut().expect("claims").remove("sid"))), "no sid"),
        (forged(real, |_, claims| claims["sub"] = json!("nobody")), "a sub that is no id"),
        (forged(real, |_, claims| claims["exp"] = json!("soon")), "an exp that is no number"),
    ] {
        let refused = ask(&client, &bent).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "AUTH_005"), "{why}: {refused}");
    }
    let lower = client.request(reqwest::Method::GET, TODOS).header("authorization", format!("bearer {real}"));
    client.send(lower).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_somebody_else_signed_is_not_trusted() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let client = server.client();
    let real = ann.token();
    let (header, body) = claims(real);
    let other_key = encode(&header, &body, &EncodingKey::from_secret(b"another key of more than 32 bytes!!"));
    let flipped = if real.ends_with('A') { "Q" } else { "A" };
    let no_signature = real.rsplit_once('.').expect("three parts").0;
    let none =
        format!("{}.{}.", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", real.split('.').nth(1).expect("claims"));
    for (token, why) in [
        (other_key.expect("it can be signed"), "another key"),
        (format!("{}{flipped}", &real[..real.len() - 1]), "another signature"),
        (format!("{no_signature}."), "no signature"),
        (none, "alg none"),
        (forged(real, |header, _| header.alg = Algorithm::HS512), "another algorithm"),
        (forged(real, |_, claims| claims["iss"] = json!("https://elsewhere.example")), "another issuer"),
        (forged(real, |_, claims| claims["aud"] = json!("elsewhere")), "another audience"),
    ] {
        let refused = ask(&client, &token).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "AUTH_006"), "{why}: {refused}");
        refused.expect_problem(401, "AUTH_006");
    }
    let plain = forged(real, |header, _| header.kid = None);
    assert!([200, 401].contains(&ask(&client, &plain).await.status));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_no_more_than_its_scope() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let scoped = |scope: &str| {
        server.client().with_token(&forged(ann.token(), |_, claims| claims["scope"] = json!(scope)))
    };
    let reader = scoped("todos:read");
    reader.get(TODOS).await.expect(200);
    let refused = reader.post(TODOS, json!({"text": "x"})).await;
    refused.expect_problem(403, "AUTHZ_002");
    assert!(refused.header("www-authenticate").contains("error=\"insufficient_scope\""), "{refused}");
    reader
        .post("/api/v1/todos/bulk", json!({"todos": [{"text": "x"}]}))
        .await
        .expect_problem(403, "AUTHZ_002");
    reader.post("/api/v1/todos/sync", json!({"todos": [{"id": "x"}]})).await.expect_problem(403, "AUTHZ_002");
    reader.get("/api/v1/users/me").await.expect_problem(403, "AUTHZ_002");
    scoped("account").get(TODOS).await.expect_problem(403, "AUTHZ_002");
    scoped("").get(TODOS).await.expect_problem(403, "AUTHZ_002");
    let writer = scoped("todos:read todos:write something:else");
    writer.post(TODOS, json!({"text": "x"})).await.expect(201);
    let body = json!({"current_password": "x", "new_password": "y"});
    writer.post("/api/v1/auth/change-password", body).await.expect_problem(403, "AUTHZ_002");
}
