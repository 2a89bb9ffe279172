//! Follows `docs/oauth.md` as printed, with the suite's providers in place of Google and GitHub.

use std::process::Command;

use blackbox_tests::{Answer, Client, Server, on_both_databases};
use serde_json::Value;

use super::browser::Browser;
use super::provider::{PUBLIC_URL, Provider, callback};
use super::{FRONTEND, location, me, server_set};
use crate::guides::{code_blocks, page, run_program};
use crate::support::text;

/// The server's address in the guide.
const PRINTED: &str = "http://localhost:8000";

/// Runs scripts of a frontend page at `address`; returns the value of the expression `result`.
///
/// `cookie` is what the browser sends with requests that include credentials.
async fn run_script(server: &Server, address: &str, cookie: &str, scripts: &[String], result: &str) -> Value {
    let script = format!(
        "const plain = fetch; globalThis.fetch = (url, options) => plain(url, {{ ...options, headers: \
         {{ ...options.headers, ...(options.credentials === 'include' && {{ Cookie: {cookie:?} }}) }} }});\n\
         globalThis.location = new URL({address:?}); globalThis.history = {{ replaceState() {{}} }};\n\
         {}\nconsole.log(JSON.stringify({result}));",
        scripts.join("\n").replace(PRINTED, &server.base_url)
    );
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", &script]);
    let output = run_program(node, "Node.js is needed: `apt-get install nodejs npm`").await;
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The cookie that binds the code of a redirect to the browser.
fn cookie(back: &Answer) -> String {
    let mut cookies = back.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let cookie = cookies.find(|cookie| cookie.starts_with("oauth_login_")).expect("a cookie");
    cookie.split(';').next().unwrap_or_default().to_owned()
}

on_both_databases! {
    async fn a_newcomer_logs_in_and_links_a_provider_by_following_the_guide(database: Database) {
        let guide = page("docs/oauth.md");
        let (google, github) = (
            Provider::openid_with("google", serde_json::json!({"claimsInToken": true, "algorithm": "RS256"})).await,
            Provider::github().await,
        );
        // The guide names every setting of the providers except those that point at the stand-ins.
        let settings = code_blocks(&guide, "").concat();
        for (name, _) in [&google, &github].into_iter().flat_map(Provider::settings) {
            let known = name.ends_with("_ISSUER") || name.ends_with("_URL") || settings.contains(&format!("{name}=…"));
            assert!(known, "{name}");
        }
        for provider in ["google", "github"] {
            let printed = callback(provider).replace(PUBLIC_URL, PRINTED);
            assert!(guide.contains(&format!("| `{printed}` |")), "{printed}");
        }
        let server = server_set(database, &[&google, &github], &[]).await;

        let html = code_blocks(&guide, "html").concat();
        let link = html.split('"').nth(1).expect("an address").replace(PRINTED, PUBLIC_URL);
        let browser = Browser::new(&server);
        let started = browser.visit(&link).await;
        let back = browser.visit(&browser.consent(&google, location(&started)).await).await;
        assert!(location(&back).starts_with(&format!("{FRONTEND}/welcome?code=")), "{back}");

        let scripts = code_blocks(&guide, "js");
        let [exchange, link] = &scripts[..] else { panic!("{scripts:?}") };
        let exchanged =
            run_script(&server, location(&back), &cookie(&back), std::slice::from_ref(exchange), "{ access_token, user }").await;
        assert_eq!(exchanged["user"]["email"], "ann@example.com");
        let ann: Client = server.client().with_token(text(&exchanged["access_token"]));
        assert_eq!(me(&ann).await["providers"], serde_json::json!(["google"]));

        let started = browser.begin_unbound(&google, "").await;
        let again = browser.visit(&browser.consent(&google, location(&started)).await).await;
        let link = link.replace("location.href =", "const page =").replace("/google/", "/github/");
        let page = run_script(&server, location(&again), &cookie(&again), &[exchange.clone(), link], "page").await;
        assert!(text(&page).starts_with(&format!("{}/login/oauth/authorize?", github.url)), "{page}");
    }
}
