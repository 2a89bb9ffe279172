//! Forged and malformed tokens, sent to every surface of a server that trusts every kind of key.
//!
//! The unit tests of `crates/adapters-auth` have every case of each check. These tests show that every
//! surface applies them.

mod corpus;
pub mod keys;

use std::collections::HashSet;

use blackbox_tests::server::SECRET_KEY;
use blackbox_tests::{Answer, Client, Database, Server, Socket};
use serde_json::{Value, json};

use self::keys::Key;
use super::publish;
use crate::support::text;

const SHARED_SECRET: &str = "the-secret-of-the-issuer-of-more-than-32-bytes";

/// A token and the code that it must be refused with.
struct Hostile {
    name: String,
    code: &'static str,
    token: String,
}

/// Not a JWT, or not an access token.
const MALFORMED: &str = "AUTH_005";
/// Not signed by a trusted key, or not meant for this server.
const NOT_TRUSTED: &str = "AUTH_006";
const EXPIRED: &str = "AUTH_002";

fn hostile(code: &'static str, name: impl Into<String>, token: impl Into<String>) -> Hostile {
    Hostile { name: name.into(), code, token: token.into() }
}

/// A valid token, its content and every key. The corpus is made from them, so that each of its
/// tokens has exactly one fault.
struct World {
    /// Ann's access token.
    real: String,
    header: Value,
    claims: Value,
    own_pair: Key,
    own_secret: Key,
    issuer_ec: Key,
    issuer_rsa: Key,
    issuer_secret: Key,
    /// The claims of the issuer's token for Ann.
    issued: Value,
    attacker: Key,
}

impl World {
    /// Ann's claims with these changes; null removes one.
    fn claims(&self, changes: Value) -> Value {
        merged(&self.claims, changes)
    }

    fn header(&self, changes: Value) -> Value {
        merged(&self.header, changes)
    }

    fn issued(&self, changes: Value) -> Value {
        merged(&self.issued, changes)
    }

    fn now(&self) -> i64 {
        self.claims["iat"].as_i64().expect("a number")
    }

    /// Signed by the server's own key pair.
    fn own(&self, header: Value, claims: Value) -> String {
        self.own_pair.sign(&self.header(header), &self.claims(claims))
    }

    /// Signed by the issuer's published key.
    fn by_issuer(&self, header: Value, claims: Value) -> String {
        let usual = json!({"alg": "ES256", "kid": self.issuer_ec.jwk["kid"]});
        self.issuer_ec.sign(&merged(&usual, header), &self.issued(claims))
    }
}

fn merged(base: &Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base.clone(), changes) else {
        panic!("objects are merged")
    };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    Value::Object(members)
}

fn read(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).expect("a segment")).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// One request to each surface that Ann's token allows.
fn surfaces(user: &str) -> [String; 4] {
    ["/api/v1/todos".into(), "/todos".into(), "/api/tasks".into(), format!("/api/{user}/tasks")]
}

/// Sends a request with these headers, with the token in place of `TOKEN`.
async fn ask(client: &Client, path: &str, headers: &[(&str, &str)], token: &str) -> Answer {
    let request =
        headers.iter().fold(client.request(reqwest::Method::GET, path), |request, (name, value)| {
            let value = value.replace("TOKEN", token);
            request.header(*name, value.as_bytes())
        });
    client.send(request).await
}

const BEARER: &[(&str, &str)] = &[("authorization", "Bearer TOKEN")];
/// The handshake of RFC 6455 section 4.1, with the token as a subprotocol.
const UPGRADE: &[(&str, &str)] = &[
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-protocol", "bearer, TOKEN"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_token_is_refused_on_every_surface() {
    let (own_pair, issuer_ec, issuer_rsa) = (Key::ed25519(), Key::p256(), Key::rsa());
    let published_at = publish(|_| json!({"keys": [issuer_ec.jwk, issuer_rsa.jwk]})).await;
    let settings = [
        ("JWT_PRIVATE_KEY", own_pair.pem()),
        ("BETTER_AUTH_URL", &published_at),
        ("BETTER_AUTH_SECRET", SHARED_SECRET),
    ];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let (ann, tokens) = server.client().register("ann@example.com").await;
    let real = ann.token().to_owned();
    let (header, claims) = (read(&real, 0), read(&real, 1));
    let published = server.client().get("/.well-known/jwks.json").await.expect(200).json()["keys"].take();
    assert_eq!((&published[0]["x"], &published[0]["kid"]), (&own_pair.jwk["x"], &header["kid"]));
    let issued = json!({"sub": "Xq3Zt0mYb7", "email": "ann@example.com", "iss": published_at, "aud": published_at,
                        "iat": claims["iat"], "exp": claims["exp"]});
    let world = World {
        own_secret: Key::secret(SECRET_KEY),
        issuer_secret: Key::secret(SHARED_SECRET),
        attacker: Key::ed25519(),
        real,
        header,
        claims,
        own_pair,
        issuer_ec,
        issuer_rsa,
        issued,
    };
    let (user, anyone) = (text(&tokens["user"]["id"]), server.client());
    for token in accepted_tokens(&world) {
        for path in &surfaces(user)[..3] {
            ask(&anyone, path, BEARER, &token).await.expect(200);
        }
        Socket::ready(&server.socket_url(), &token, "").await;
    }

    let refresh_tokens = refresh_tokens(&server, &tokens).await;
    let corpus: Vec<_> = corpus::all(&world).into_iter().chain(refresh_tokens).collect();
    let names: HashSet<_> = corpus.iter().map(|hostile| hostile.name.as_str()).collect();
    assert!(names.len() == corpus.len() && corpus.len() >= 60, "{} names of {}", names.len(), corpus.len());
    let bearers = surfaces(user).map(|path| (path, BEARER));
    let targets: Vec<_> = bearers.into_iter().chain([("/ws/todos".to_owned(), UPGRADE)]).collect();
    let mut accepted = Vec::new();
    for Hostile { name, code, token } in &corpus {
        for (path, headers) in &targets {
            let answer = ask(&anyone, path, headers, token).await;
            if answer.status != 401 || answer.code() != *code {
                accepted.push(format!("{name} at {path} is not {code}: {answer}"));
                continue;
            }
            answer.expect_problem(401, code);
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, r#"Bearer error="invalid_token""#, "{name} at {path}");
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    ann.get("/api/v1/todos").await.expect(200);
}

/// One valid token of each kind. The server accepts them, which proves that a refusal is due to the
/// fault of a token.
fn accepted_tokens(world: &World) -> Vec<String> {
    let kid = |key: &Key| json!({"alg": key.alg(), "kid": key.jwk["kid"]});
    vec![
        world.real.clone(),
        world.own(json!({}), json!({})),
        world.own_secret.sign(&json!({"alg": "HS256"}), &world.claims),
        world.by_issuer(json!({}), json!({})),
        world.issuer_rsa.sign(&kid(&world.issuer_rsa), &world.issued),
        world.issuer_secret.sign(&json!({"alg": "HS256"}), &world.issued),
    ]
}

/// Refresh tokens of the server, to be sent as access tokens.
async fn refresh_tokens(server: &Server, tokens: &Value) -> Vec<Hostile> {
    let login = json!({"email": "ann@example.com", "password": blackbox_tests::client::PASSWORD});
    let jwt = server.client().post("/auth/login", login).await.expect(200).json();
    vec![
        hostile(MALFORMED, "the refresh token of the sync contract", text(&tokens["refresh_token"])),
        hostile(MALFORMED, "the refresh token of the token contract, a JWT", text(&jwt["refresh_token"])),
    ]
}
