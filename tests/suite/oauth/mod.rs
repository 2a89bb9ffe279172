//! Logging in through providers: the real `oidc-provider` from npm, and a server in the shape of GitHub.

mod browser;
mod callbacks;
mod failures;
mod github;
mod guide;
mod hand_off;
mod id_tokens;
mod linking;
mod login;
mod provider;
mod secrets;

use blackbox_tests::{Answer, Client, Database, Server};
use serde_json::{Value, json};

use self::browser::Browser;
use self::provider::Provider;

/// Where the tests' frontend is.
const FRONTEND: &str = "http://localhost:3000";

/// A server on this kind of database that knows these providers.
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

/// Turns a hand-off code into tokens.
async fn exchange(server: &Server, code: &str) -> Answer {
    server.client().post("/api/v1/auth/oauth/exchange", json!({"code": code, "client_id": "laptop"})).await
}

/// Logs in with the provider in a new browser; gives the user as a caller.
async fn log_in(server: &Server, provider: &Provider) -> Client {
    let came_back = Browser::new(server).log_in(provider).await;
    let tokens = exchange(server, &hand_off(&came_back)).await.expect(200).json();
    server.client().with_token(tokens["access_token"].as_str().expect("an access token"))
}

/// The code with which a callback sends the browser to the frontend.
fn hand_off(came_back: &Answer) -> String {
    let to = location(came_back);
    parameter(to, "code").unwrap_or_else(|| panic!("no code: {to}"))
}

/// Where a redirect goes.
fn location(answer: &Answer) -> &str {
    assert!([302, 303].contains(&answer.status), "{answer}");
    answer.header("location")
}

/// A parameter of an address's query.
fn parameter(address: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).expect("an address");
    url.query_pairs().find_map(|(known, value)| (known == name).then(|| value.into_owned()))
}

/// Who the user is, as they see it.
async fn me(user: &Client) -> Value {
    user.get("/api/v1/users/me").await.expect(200).json()
}

/// An account at a provider whose address is verified there.
fn ann() -> Value {
    json!({"sub": "ann-1", "email": "ann@example.com", "email_verified": true, "name": "Ann"})
}
