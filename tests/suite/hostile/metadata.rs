//! OpenID providers whose metadata names another issuer.

use blackbox_tests::{Database, Server};
use serde_json::{Value, json};

use super::publish;

fn metadata(issuer: &str, address: &str) -> Value {
    json!({"issuer": issuer, "authorization_endpoint": format!("{address}/authorize"),
           "token_endpoint": format!("{address}/token"), "jwks_uri": format!("{address}/jwks")})
}

/// Starts a login at the provider and returns the status.
async fn login_status(issuer: &str) -> u16 {
    let settings = [
        ("PUBLIC_URL", "http://localhost"),
        ("OIDC_ACME_ISSUER", issuer),
        ("OIDC_ACME_CLIENT_ID", "todos"),
        ("OIDC_ACME_CLIENT_SECRET", "secret"),
    ];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let login = format!("{}/api/v1/auth/oauth/acme/login", server.base_url);
    http.expect("a client").get(login).send().await.expect("the server answers").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_names_another_issuer_is_refused() {
    assert_eq!(login_status(&publish(|address| metadata(address, address)).await).await, 302);
    for issuer in ["https://accounts.example.com", "", "ADDRESS/", "ADDRESS.example.com"] {
        let at = publish(|address| metadata(&issuer.replace("ADDRESS", address), address)).await;
        assert_eq!(login_status(&at).await, 502, "{issuer}");
    }
}
