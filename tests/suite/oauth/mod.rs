//! Logging in with providers: the real `oidc-provider` from npm, and an imitation of GitHub.

mod browser;
mod callbacks;
mod claims;
mod closed;
mod failures;
mod github;
mod guide;
mod hand_off;
mod id_tokens;
mod linking;
mod login;
mod provider;
mod reauthentication;
mod secrets;

use blackbox_tests::{Answer, Client, Database, Server};
use serde_json::{Value, json};

use self::browser::Browser;
pub use self::provider::Provider;
pub use self::reauthentication::age;

/// The address of the frontend.
const FRONTEND: &str = "http://localhost:3000";

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Starts a server that is configured for `providers`.
async fn server_with(database: Database, providers: &[&Provider]) -> Server {
    server_set(database, providers, &[]).await
}

/// The same with more settings.
async fn server_set(database: Database, providers: &[&Provider], more: &[(&str, &str)]) -> Server {
    let settings: Vec<_> = providers.iter().flat_map(|provider| provider.settings()).collect();
    let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let usual = [("PUBLIC_URL", provider::PUBLIC_URL), ("FRONTEND_URL", FRONTEND)];
    let all: Vec<_> = usual.into_iter().chain(given).chain(more.iter().copied()).collect();
    Server::start_with(database, &all).await
}

/// Exchanges a login code for tokens, as the client that began the login.
async fn exchange(server: &Server, code: &str) -> Answer {
    exchange_with(server, code, Some(VERIFIER)).await
}

/// Exchanges a login code with this verifier, without a cookie.
async fn exchange_with(server: &Server, code: &str, verifier: Option<&str>) -> Answer {
    let body = json!({"code": code, "code_verifier": verifier, "client_id": "laptop"});
    server.client().post("/api/v1/auth/oauth/exchange", body).await
}

/// Logs in with the provider in a new browser; returns a client of the user.
async fn log_in(server: &Server, provider: &Provider) -> Client {
    let came_back = Browser::new(server).log_in(provider).await;
    let tokens = exchange(server, &hand_off(&came_back)).await.expect(200).json();
    server.client().with_token(tokens["access_token"].as_str().expect("an access token"))
}

/// The login code in the redirect of a callback.
fn hand_off(came_back: &Answer) -> String {
    let to = location(came_back);
    parameter(to, "code").unwrap_or_else(|| panic!("no code: {to}"))
}

/// The target of a redirect.
fn location(answer: &Answer) -> &str {
    assert!([302, 303].contains(&answer.status), "{answer}");
    answer.header("location")
}

/// A query parameter of a URL.
fn parameter(address: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).expect("an address");
    url.query_pairs().find_map(|(known, value)| (known == name).then(|| value.into_owned()))
}

/// The user's `/users/me`.
async fn me(user: &Client) -> Value {
    user.get("/api/v1/users/me").await.expect(200).json()
}

/// Claims of an account with a verified address.
fn ann() -> Value {
    json!({"sub": "ann-1", "email": "ann@example.com", "email_verified": true, "name": "Ann"})
}
