//! A browser without rendering: it keeps cookies and follows redirects one at a time.

use std::net::SocketAddr;
use std::sync::Mutex;

use blackbox_tests::client::http;
use blackbox_tests::{Answer, Client, Server};
use reqwest::{Method, Url, redirect};
use serde_json::json;

use super::provider::{PUBLIC_URL, Provider, callback};
use super::{CHALLENGE, location, parameter};
use crate::support::text;

/// A browser with its own cookies and history.
pub struct Browser {
    http: reqwest::Client,
    seen: Mutex<Vec<String>>,
}

impl Browser {
    /// A browser that reaches `server` at [`PUBLIC_URL`], as through a proxy.
    pub fn new(server: &Server) -> Self {
        let address: SocketAddr =
            server.base_url.trim_start_matches("http://").parse().expect("an address and a port");
        let http = http()
            .cookie_store(true)
            .redirect(redirect::Policy::none())
            .resolve("localhost", address)
            .build();
        Self { http: http.expect("a client"), seen: Mutex::default() }
    }

    /// Requests a URL without following redirects.
    pub async fn visit(&self, address: &str) -> Answer {
        self.send(self.http.get(address)).await
    }

    /// Posts a form from a page of another site: with that page's origin, and without cookies that are
    /// `SameSite=Lax`.
    pub async fn post_form_from_elsewhere(&self, address: &str, form: &[(String, String)]) -> Answer {
        let request = self.http.post(address).header("origin", "https://provider.example").form(form);
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        self.saw(response.url().as_str());
        if let Some(to) = headers.get("location") {
            self.saw(to.to_str().expect("an address"));
        }
        Answer { status, headers, text: response.text().await.expect("a body") }
    }

    fn saw(&self, address: &str) {
        self.seen.lock().expect("no panic").push(address.to_owned());
    }

    /// Every URL that it has visited or been redirected to.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }

    /// Starts a login with the provider, for a client that keeps the verifier; `query` starts with
    /// `?` or is empty.
    pub async fn begin(&self, provider: &Provider, query: &str) -> Answer {
        let sign = if query.is_empty() { '?' } else { '&' };
        self.begin_unbound(provider, &format!("{query}{sign}code_challenge={CHALLENGE}")).await
    }

    /// Starts a login without a challenge.
    pub async fn begin_unbound(&self, provider: &Provider, query: &str) -> Answer {
        self.visit(&format!("{PUBLIC_URL}/api/v1/auth/oauth/{}/login{query}", provider.name)).await
    }

    /// Exchanges a login code with the cookies of this browser.
    pub async fn exchange(&self, code: &str) -> Answer {
        let url = format!("{PUBLIC_URL}/api/v1/auth/oauth/exchange");
        self.send(self.http.post(url).json(&json!({"code": code}))).await
    }

    /// Starts linking the provider to `user`; returns the authorization URL.
    pub async fn begin_link(&self, user: &Client, provider: &Provider) -> String {
        let url = format!("{PUBLIC_URL}/api/v1/auth/oauth/{}/link", provider.name);
        let asked =
            self.send(self.http.request(Method::POST, url).bearer_auth(user.token())).await.expect(200);
        text(&asked.json()["authorization_url"]).to_owned()
    }

    /// Follows the provider's pages until it redirects back; returns the callback URL, not yet
    /// visited.
    pub async fn consent(&self, provider: &Provider, authorization: &str) -> String {
        let (home, mut at) = (callback(provider.name), Url::parse(authorization).expect("an address"));
        for _ in 0..10 {
            let page = self.visit(at.as_str()).await;
            at = at.join(location(&page)).expect("an address");
            if at.as_str().starts_with(&home) {
                return at.into();
            }
        }
        panic!("it is sent round in circles: {:?}", self.seen());
    }

    /// Starts a login and consents; returns the callback URL, not yet visited.
    pub async fn to_callback(&self, provider: &Provider) -> String {
        let started = self.begin(provider, "").await;
        self.consent(provider, location(&started)).await
    }

    /// Logs in, including the callback.
    pub async fn log_in(&self, provider: &Provider) -> Answer {
        let callback = self.to_callback(provider).await;
        self.visit(&callback).await
    }

    /// Links the provider to `user`, including the callback.
    pub async fn link(&self, user: &Client, provider: &Provider) -> Answer {
        let page = self.begin_link(user, provider).await;
        let callback = self.consent(provider, &page).await;
        self.visit(&callback).await
    }
}

/// `url` with another value for a query parameter, or without the parameter.
pub fn altered(address: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(address).expect("an address");
    let kept: Vec<_> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    let new = value.map(|value| (name.to_owned(), value.to_owned()));
    url.query_pairs_mut().clear().extend_pairs(kept.into_iter().chain(new));
    url.into()
}

/// The `state` parameter of a URL.
pub fn state(address: &str) -> String {
    parameter(address, "state").unwrap_or_else(|| panic!("no state: {address}"))
}
