//! The README's section about Google and GitHub, followed as it stands, with providers of the suite in their places.

use std::process::Command;

use blackbox_tests::binary::workspace;
use blackbox_tests::{Client, Server, on_both_databases};
use serde_json::Value;

use super::browser::Browser;
use super::provider::{PUBLIC_URL, Provider, callback};
use super::{FRONTEND, location, me, server_set};
use crate::support::text;

/// Where the README's server is.
const THERE: &str = "http://localhost:8000";

fn section() -> String {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("there is a README");
    let section = readme.split("## Log in with Google or GitHub\n").nth(1).expect("the section is there");
    section.split("\n## ").next().expect("it ends").to_owned()
}

/// The section's blocks in a language; empty for those without one.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let fenced = section.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    fenced.filter(|(known, _)| *known == language).map(|(_, text)| text.to_owned()).collect()
}

/// Runs a page's script where the browser stands; gives what `shown` is then.
async fn run_script(server: &Server, address: &str, scripts: &[String], shown: &str) -> Value {
    let page = format!(
        "globalThis.location = new URL({address:?}); globalThis.history = {{ replaceState() {{}} }};\n\
         {}\nconsole.log(JSON.stringify({shown}));",
        scripts.join("\n").replace(THERE, &server.base_url)
    );
    let node = move || Command::new("node").args(["--input-type=module", "--eval", &page]).output();
    let output = tokio::task::spawn_blocking(node).await.expect("no panic");
    let output = output.expect("Node.js is needed: `apt-get install nodejs npm`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

on_both_databases! {
    async fn a_newcomer_logs_in_with_google_as_the_readme_says(database: Database) {
        let section = section();
        let (google, github) = (
            Provider::openid_with("google", serde_json::json!({"claimsInToken": true, "algorithm": "RS256"})).await,
            Provider::github().await,
        );
        // What the README starts the server with names all that there is to say of a provider but where its stand-in is.
        let start = blocks(&section, "").concat();
        for (name, _) in [&google, &github].into_iter().flat_map(Provider::settings) {
            let known = name.ends_with("_ISSUER") || name.ends_with("_URL") || start.contains(&format!("{name}=…"));
            assert!(known, "{name}");
        }
        for provider in ["google", "github"] {
            let registered = callback(provider).replace(PUBLIC_URL, THERE);
            assert!(section.contains(&format!("| `{registered}` |")), "{registered}");
        }
        let server = server_set(database, &[&google, &github], &[]).await;

        let html = blocks(&section, "html").concat();
        let link = html.split('"').nth(1).expect("an address").replace(THERE, PUBLIC_URL);
        let browser = Browser::new(&server);
        let begun = browser.visit(&link).await;
        let back = browser.visit(&browser.consent(&google, location(&begun)).await).await;
        assert!(location(&back).starts_with(&format!("{FRONTEND}/welcome?code=")), "{back}");

        let scripts = blocks(&section, "js");
        let [exchange, link] = &scripts[..] else { panic!("{scripts:?}") };
        let shown = run_script(&server, location(&back), std::slice::from_ref(exchange), "{ access_token, user }").await;
        assert_eq!(shown["user"]["email"], "ann@example.com");
        let ann: Client = server.client().with_token(text(&shown["access_token"]));
        assert_eq!(me(&ann).await["providers"], serde_json::json!(["google"]));

        let again = browser.visit(&browser.to_callback(&google).await).await;
        let link = link.replace("location.href =", "const page =").replace("/google/", "/github/");
        let page = run_script(&server, location(&again), &[exchange.clone(), link], "page").await;
        assert!(text(&page).starts_with(&format!("{}/login/oauth/authorize?", github.url)), "{page}");
    }
}
