//! A Better Auth server in its own process, and its users.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::header::{COOKIE, HeaderMap, SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{npm_project, text};

/// The `BETTER_AUTH_SECRET` of every server.
pub const SECRET: &str = "Wd8vPZk2n5Qx7Rt4Lm9Cj3Hy6Bf1Gs0A";

/// A running Better Auth server; dropping it ends the process.
pub struct BetterAuth {
    child: Child,
    pub base_url: String,
    http: reqwest::Client,
}

/// A signed-up user with a session.
pub struct Person {
    http: reqwest::Client,
    base_url: String,
    cookies: String,
    pub id: String,
}

impl BetterAuth {
    /// Starts a server that signs tokens with this algorithm: by the JWT plugin, or by its own code
    /// for HS256.
    pub async fn signing(algorithm: &str) -> Self {
        Self::start(json!({"algorithm": algorithm})).await
    }

    /// Starts a server with this configuration, which `tests/better-auth/server.mjs` describes.
    pub async fn start(configuration: Value) -> Self {
        Self::run("server.mjs", configuration.to_string()).await
    }

    async fn run(script: &'static str, argument: String) -> Self {
        let spawned = tokio::task::spawn_blocking(move || spawn(script, &argument)).await;
        let (child, base_url) = spawned.expect("Better Auth starts");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { child, base_url, http }
    }

    /// Signs a new user up.
    pub async fn sign_up(&self, email: &str) -> Person {
        let (http, base_url) = (self.http.clone(), self.base_url.clone());
        let body = json!({"email": email, "password": "Correct-Horse-7", "name": "Ann"});
        let sent = http.post(format!("{base_url}/api/auth/sign-up/email")).json(&body).send().await;
        let response = sent.expect("Better Auth answers");
        let (cookies, body) = (cookies(response.headers()), response.text().await.expect("a body"));
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
        let id = body["user"]["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
        Person { http, base_url, cookies, id }
    }

    /// Lets the app's own code sign a payload; the JWT plugin adds missing claims.
    pub async fn sign(&self, payload: Value) -> String {
        let sent = self.http.post(format!("{}/sign", self.base_url)).json(&payload).send().await;
        let body = sent.expect("Better Auth answers").text().await.expect("a body");
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
        text(&body["token"]).to_owned()
    }

    /// The token in the verification email to this address.
    pub async fn mailed_token(&self, email: &str) -> String {
        let sent = self.http.get(format!("{}/outbox", self.base_url)).send().await;
        let mails = sent.expect("Better Auth answers").text().await.expect("a body");
        let mails: Vec<Value> = serde_json::from_str(&mails).expect("mails");
        let mail = mails.iter().find(|mail| mail["to"] == email).expect("a mail was sent");
        text(&mail["token"]).to_owned()
    }
}

impl Drop for BetterAuth {
    fn drop(&mut self) {
        // The process exits when its standard input closes, after cleaning up.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Person {
    /// A fresh token of the JWT plugin.
    pub async fn token(&self) -> String {
        let answer = self.get("/api/auth/token").await;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
        text(&answer["token"]).to_owned()
    }

    /// Requests a page of the app with the user's session.
    pub async fn get(&self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.base_url)).header(COOKIE, &self.cookies);
        request.send().await.expect("Better Auth answers").text().await.expect("a body")
    }

    /// The value of one of the app's cookies.
    pub fn cookie(&self, name: &str) -> &str {
        let mut cookies = self.cookies.split("; ").filter_map(|cookie| cookie.split_once('='));
        cookies
            .find(|(known, _)| *known == name)
            .map_or_else(|| panic!("no cookie {name}"), |(_, value)| value)
    }
}

/// The cookies of a response, formatted for a `Cookie` header.
fn cookies(headers: &HeaderMap) -> String {
    let set = headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    set.collect::<Vec<_>>().join("; ")
}

fn spawn(script: &str, argument: &str) -> (Child, String) {
    let folder = npm_project("better-auth");
    let mut child = Command::new("node")
        .args([script, argument])
        .current_dir(&folder)
        .envs([("BETTER_AUTH_SECRET", SECRET), ("BETTER_AUTH_TELEMETRY", "0")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js is needed: `apt-get install nodejs npm`");
    let mut address = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    while !address.starts_with("http") {
        address.clear();
        let read = stdout.read_line(&mut address).expect("its output is text");
        assert!(read > 0, "Better Auth ended before it listened ({:?})", child.wait());
    }
    // Unread output would fill the pipe and block the process.
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    (child, address.trim().to_owned())
}
