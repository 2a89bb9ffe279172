//! Providers of the suite's Node.js process, ordered at its desk.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use blackbox_tests::binary::workspace;
use blackbox_tests::client::http;
use serde_json::{Value, json};

use super::ann;
use crate::support::{items, text};

/// Where browsers reach the server under test, whichever port it listens on.
pub const PUBLIC_URL: &str = "http://localhost";

/// Who the server under test is at every provider. What has a meaning in a form stands in its secret.
pub const CLIENT_ID: &str = "todo:server";
pub const CLIENT_SECRET: &str = "canary&client+secret%=/4718";

/// A provider of its own, at which Ann logs in unless it is told otherwise.
pub struct Provider {
    /// The name by which the server under test knows it.
    pub name: &'static str,
    /// Where it is; its issuer, where it has one.
    pub url: String,
    desk: String,
    http: reqwest::Client,
}

impl Provider {
    /// A real OpenID Connect provider.
    pub async fn openid(name: &'static str) -> Self {
        Self::openid_with(name, json!({})).await
    }

    /// One with more settings, see `tests/openid-provider/openid.mjs`, or with more of the client in them.
    pub async fn openid_with(name: &'static str, settings: Value) -> Self {
        Self::open("openid", name, settings).await
    }

    /// What looks like GitHub.
    pub async fn github() -> Self {
        Self::open("github", "github", json!({})).await
    }

    async fn open(kind: &str, name: &'static str, mut settings: Value) -> Self {
        let http = http().build().expect("a client");
        let desk = tokio::task::spawn_blocking(desk).await.expect("the providers start");
        settings["kind"] = json!(kind);
        settings["client"]["client_id"] = json!(CLIENT_ID);
        settings["client"]["client_secret"] = json!(CLIENT_SECRET);
        settings["client"]["redirect_uris"] = json!([callback(name)]);
        let opened = ask(http.post(desk).json(&settings)).await;
        let desk = format!("{desk}/{}", opened["id"]);
        let provider = Self { name, url: text(&opened["url"]).to_owned(), desk, http };
        provider.log_in_as(ann()).await;
        provider
    }

    /// The settings that make it known to a server.
    pub fn settings(&self) -> Vec<(String, String)> {
        let url = self.url.clone();
        let upper = self.name.to_ascii_uppercase();
        let (prefix, addresses) = match self.name {
            "github" => {
                (upper, vec![("GITHUB_BASE_URL".to_owned(), url.clone()), ("GITHUB_API_URL".to_owned(), url)])
            }
            "google" => (upper, vec![("GOOGLE_ISSUER".to_owned(), url)]),
            _ => (format!("OIDC_{upper}"), vec![(format!("OIDC_{upper}_ISSUER"), url)]),
        };
        let client = [("CLIENT_ID", CLIENT_ID), ("CLIENT_SECRET", CLIENT_SECRET)];
        let client = client.map(|(name, value)| (format!("{prefix}_{name}"), value.to_owned()));
        addresses.into_iter().chain(client).collect()
    }

    /// From now on it behaves so.
    pub async fn behave(&self, change: Value) {
        ask(self.http.post(&self.desk).json(&change)).await;
    }

    /// Whoever comes is this account.
    pub async fn log_in_as(&self, account: Value) {
        self.behave(json!({"account": account})).await;
    }

    /// What it does at this path from now on in place of answering; a name of `tests/openid-provider/place.mjs`.
    pub async fn fail_at(&self, path: &str, fault: &str) {
        self.behave(json!({"faults": {path: fault}})).await;
    }

    /// It signs with a new key, and publishes no other.
    pub async fn rotate(&self) {
        ask(self.http.post(format!("{}/rotate", self.desk))).await;
    }

    /// Nobody listens there any more.
    pub async fn close(&self) {
        ask(self.http.post(format!("{}/close", self.desk))).await;
    }

    /// How often it was asked at this path.
    pub async fn asked(&self, path: &str) -> u64 {
        ask(self.http.get(&self.desk)).await["requests"][path].as_u64().unwrap_or_default()
    }

    /// The codes that it gave out.
    pub async fn codes(&self) -> Vec<String> {
        strings(&ask(self.http.get(&self.desk)).await["codes"])
    }

    /// The tokens that it gave out.
    pub async fn tokens(&self) -> Vec<String> {
        strings(&ask(self.http.get(&self.desk)).await["tokens"])
    }
}

/// Where a provider sends browsers back to.
pub fn callback(name: &str) -> String {
    format!("{PUBLIC_URL}/api/v1/auth/oauth/{name}/callback")
}

fn strings(list: &Value) -> Vec<String> {
    items(list).iter().map(|item| text(item).to_owned()).collect()
}

async fn ask(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.expect("the desk answers");
    let told = response.text().await.expect("a body");
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"))
}

/// The desk of the one process of this test run, which ends with it.
fn desk() -> &'static str {
    static DESK: OnceLock<(Child, String)> = OnceLock::new();
    &DESK.get_or_init(spawn).1
}

fn spawn() -> (Child, String) {
    let folder = workspace().join("tests/openid-provider");
    assert!(
        folder.join("node_modules").is_dir(),
        "its packages are not installed: `cargo xtask test` does it, or `npm ci` in {}",
        folder.display()
    );
    let mut child = Command::new("node")
        .arg("main.mjs")
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js is needed: `apt-get install nodejs npm`");
    let mut address = String::new();
    let read = BufReader::new(child.stdout.take().expect("piped")).read_line(&mut address);
    assert!(read.is_ok_and(|read| read > 0), "the providers ended before they listened ({:?})", child.wait());
    (child, address.trim().to_owned())
}
