//! `/openapi.json` and `/docs`.

use blackbox_tests::binary::workspace;
use blackbox_tests::{Database, Server};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_served_document_equals_the_committed_one() {
    let server = Server::start(Database::Sqlite).await;
    let answer = server.client().get("/openapi.json").await.expect(200);
    assert!(answer.header("content-type").contains("json"), "{}", answer.header("content-type"));
    let committed =
        std::fs::read_to_string(workspace().join("openapi/openapi.json")).expect("it is committed");
    let committed: Value = serde_json::from_str(&committed).expect("it is JSON");
    assert!(answer.json() == committed, "`cargo xtask openapi` renews openapi/openapi.json");
    assert!(committed["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_route_exists_and_requires_a_token_where_declared() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    let document = client.get("/openapi.json").await.expect(200).json();
    let secured = document["security"].as_array().is_some_and(|all| !all.is_empty());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let Ok(method) = method.to_uppercase().parse::<reqwest::Method>() else { continue };
            if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                continue;
            }
            let real = path.replace("{id}", crate::support::UNKNOWN);
            let answer = client.send(client.request(method.clone(), &real)).await;
            let public = match operation["security"].as_array() {
                Some(own) => own.is_empty(),
                None => !secured,
            };
            let requires_token = answer.status == 401 && answer.code() == "AUTH_005";
            if !path.ends_with("/refresh") {
                assert_eq!(requires_token, !public, "{method} {path}: {answer}");
            }
            assert_ne!(answer.status, 405, "{method} {path}: {answer}");
            let declared = &operation["responses"];
            let status = answer.status.to_string();
            assert!(
                declared.get(&status).is_some(),
                "{method} {path} answers {status}, which is not declared"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_docs_page_loads_nothing_from_other_hosts() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    let page = client.get("/docs").await;
    let page = if page.status == 200 { page } else { client.get("/docs/").await };
    assert_eq!(page.status, 200, "{page}");
    assert!(page.header("content-type").starts_with("text/html"), "{page}");
    let mut seen = 0;
    for reference in references(&page.text) {
        assert!(!reference.starts_with("http") && !reference.starts_with("//"), "another host: {reference}");
        if reference.starts_with("data:") || reference.starts_with('#') {
            continue;
        }
        let path = if reference.starts_with('/') {
            reference.clone()
        } else {
            format!("/docs/{}", reference.trim_start_matches("./"))
        };
        let file = client.get(&path).await.expect(200);
        seen += 1;
        if path.ends_with("initializer.js") || path.ends_with("config.json") {
            assert!(file.text.contains("/openapi.json"), "{}", file.text);
            assert!(!file.text.contains("://"), "{}", file.text);
        }
    }
    assert!(seen >= 3, "the page's scripts and styles: {}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
}

/// The values of `src` and `href` attributes.
fn references(html: &str) -> Vec<String> {
    ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect()
}
