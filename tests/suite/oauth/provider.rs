//! Identity providers, which run in one Node.js process with a control endpoint.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use blackbox_tests::client::http;
use serde_json::{Value, json};

use super::ann;
use crate::support::{items, npm_project, text};

/// The public URL of the server under test, independent of its port.
pub const PUBLIC_URL: &str = "http://localhost";

/// The client id at every provider. The secret contains characters that are special in forms.
pub const CLIENT_ID: &str = "todo:server";
pub const CLIENT_SECRET: &str = "canary&client+secret%=/4718";

/// A provider at which Ann logs in by default.
pub struct Provider {
    /// Its name in the settings of the server under test.
    pub name: &'static str,
    /// Its base URL, which is also the issuer of an OpenID Connect provider.
    pub url: String,
    control: String,
    http: reqwest::Client,
}

impl Provider {
    /// Starts an OpenID Connect provider (`oidc-provider` from npm).
    pub async fn openid(name: &'static str) -> Self {
        Self::openid_with(name, json!({})).await
    }

    /// The same with options, which `tests/openid-provider/openid.mjs` describes.
    pub async fn openid_with(name: &'static str, settings: Value) -> Self {
        Self::open("openid", name, settings).await
    }

    /// Starts an imitation of GitHub.
    pub async fn github() -> Self {
        Self::open("github", "github", json!({})).await
    }

    async fn open(kind: &str, name: &'static str, mut settings: Value) -> Self {
        let http = http().build().expect("a client");
        let control = tokio::task::spawn_blocking(control).await.expect("the providers start");
        settings["kind"] = json!(kind);
        settings["client"]["client_id"] = json!(CLIENT_ID);
        settings["client"]["client_secret"] = json!(CLIENT_SECRET);
        if settings["client"]["redirect_uris"].is_null() {
            settings["client"]["redirect_uris"] = json!([callback(name)]);
        }
        let opened = ask(http.post(control).json(&settings)).await;
        let control = format!("{control}/{}", opened["id"]);
        let provider = Self { name, url: text(&opened["url"]).to_owned(), control, http };
        provider.log_in_as(ann()).await;
        provider
    }

    /// The settings that configure a server for it.
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

    /// Changes its options.
    pub async fn configure(&self, change: Value) {
        ask(self.http.post(&self.control).json(&change)).await;
    }

    /// Logs every browser in as this account.
    pub async fn log_in_as(&self, account: Value) {
        self.configure(json!({"account": account})).await;
    }

    /// Makes it fail at `path`; `tests/openid-provider/server.mjs` lists the faults.
    pub async fn fail_at(&self, path: &str, fault: &str) {
        self.configure(json!({"faults": {path: fault}})).await;
    }

    /// Replaces its signing key; the old one is no longer published.
    pub async fn rotate(&self) {
        ask(self.http.post(format!("{}/rotate", self.control))).await;
    }

    /// Closes its port.
    pub async fn close(&self) {
        ask(self.http.post(format!("{}/close", self.control))).await;
    }

    /// The number of requests for this path so far.
    pub async fn requests(&self, path: &str) -> u64 {
        ask(self.http.get(&self.control)).await["requests"][path].as_u64().unwrap_or_default()
    }

    /// The codes that it has issued.
    pub async fn codes(&self) -> Vec<String> {
        strings(&ask(self.http.get(&self.control)).await["codes"])
    }

    /// The tokens that it has issued.
    pub async fn tokens(&self) -> Vec<String> {
        strings(&ask(self.http.get(&self.control)).await["tokens"])
    }
}

/// The redirect URI of a provider.
pub fn callback(name: &str) -> String {
    format!("{PUBLIC_URL}/api/v1/auth/oauth/{name}/callback")
}

fn strings(list: &Value) -> Vec<String> {
    items(list).iter().map(|item| text(item).to_owned()).collect()
}

async fn ask(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.expect("the providers answer");
    let body = response.text().await.expect("a body");
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"))
}

/// The control endpoint of the providers' process, which ends with this test run.
fn control() -> &'static str {
    static CONTROL: OnceLock<(Child, String)> = OnceLock::new();
    &CONTROL.get_or_init(spawn).1
}

fn spawn() -> (Child, String) {
    let folder = npm_project("openid-provider");
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
