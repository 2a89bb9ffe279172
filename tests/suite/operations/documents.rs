//! The OpenAPI and AsyncAPI documents, and `/docs`.

use blackbox_tests::binary::workspace;
use blackbox_tests::{Database, Server};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_served_documents_equal_the_committed_ones() {
    let server = Server::start_with(Database::Sqlite, &[("PUBLIC_URL", "http://localhost:8000")]).await;
    for (name, member, version) in [("openapi", "openapi", "3.1"), ("asyncapi", "asyncapi", "3.0")] {
        let answer = server.client().get(&format!("/{name}.json")).await.expect(200);
        assert!(answer.header("content-type").contains("json"), "{}", answer.header("content-type"));
        let committed = std::fs::read_to_string(workspace().join(format!("openapi/{name}.json")));
        let committed: Value =
            serde_json::from_str(&committed.expect("it is committed")).expect("it is JSON");
        assert!(answer.json() == committed, "`cargo xtask openapi` renews openapi/{name}.json");
        assert!(committed[member].as_str().is_some_and(|found| found.starts_with(version)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_of_a_contract_has_its_operations_and_what_they_need() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    let whole = client.get("/openapi.json").await.expect(200).json();
    let mut seen = Vec::new();
    for (contract, example) in [
        ("sync", "/api/v1/todos/sync"),
        ("token", "/todos/{id}"),
        ("tasks", "/api/tasks/{id}"),
        ("user-tasks", "/api/{user_id}/tasks"),
    ] {
        let document = client.get(&format!("/openapi/{contract}.json")).await.expect(200).json();
        assert_eq!(document["paths"][example], whole["paths"][example], "{contract}");
        for part in document.to_string().split("\"#/").skip(1) {
            let pointer = format!("/{}", part.split('"').next().expect("a reference"));
            assert!(document.pointer(&pointer).is_some(), "{contract}: {pointer}");
        }
        let schemas =
            |document: &Value| document["components"]["schemas"].as_object().map_or(0, serde_json::Map::len);
        assert!(schemas(&document) < schemas(&whole), "{contract}");
        seen.extend(document["paths"].as_object().expect("paths").keys().cloned());
    }
    // Each path belongs to one contract, or to the operations of the server.
    let all: std::collections::BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(all.len(), seen.len());
    assert!(!all.contains("/health"));
    for contract in ["openapi", "asyncapi", "unknown"] {
        client.get(&format!("/openapi/{contract}.json")).await.expect_problem(404, "RESOURCE_003");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_the_document_has_an_example_of_its_own_status() {
    let server = Server::start(Database::Sqlite).await;
    let document = server.client().get("/openapi.json").await.expect(200).json();
    let operations =
        document["paths"].as_object().expect("paths").values().filter_map(|item| item.as_object());
    let own =
        operations.flat_map(|item| item.values()).filter_map(|operation| operation["responses"].as_object());
    let own = own.flatten().map(|(status, response)| (status.clone(), response));
    let mut seen = 0;
    for (status, response) in own {
        let shared = response["$ref"].as_str().map(|name| name.trim_start_matches('#'));
        let response = shared.map_or(response, |pointer| document.pointer(pointer).expect("a response"));
        let Some(body) = response["content"].get("application/problem+json") else { continue };
        let examples =
            body["examples"].as_object().unwrap_or_else(|| panic!("{status} has no example: {response}"));
        for (code, example) in examples {
            let value = &example["value"];
            assert_eq!(value["error_code"], **code);
            if status != "default" {
                assert_eq!(value["status"].to_string(), status, "{code}");
            }
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen} examples");
    for (path, status, problem) in [
        ("/paths/~1api~1v1~1todos~1{id}/patch", "412", "ConflictProblem"),
        ("/paths/~1api~1v1~1todos~1sync/post", "410", "StaleCursorProblem"),
    ] {
        let schema = document
            .pointer(&format!("{path}/responses/{status}/content/application~1problem+json/schema/$ref"));
        assert_eq!(schema, Some(&Value::from(format!("#/components/schemas/{problem}"))));
    }
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
        assert!(!file.headers.contains_key("content-encoding"), "{path} is not readable as it is");
        if path.ends_with("initializer.js") || path.ends_with("config.json") {
            assert!(file.text.contains("/openapi.json"), "{}", file.text);
            assert!(!file.text.contains("://"), "{}", file.text);
        }
    }
    assert!(seen >= 3, "the page's scripts and styles: {}", page.text);
    assert!(page.text.contains("<title>Todo sync"), "{}", page.text);
    assert!(page.text.contains("name=\"viewport\""), "{}", page.text);
    let settings = client.get("/docs/swagger-initializer.js").await.expect(200).text;
    for setting in ["\"filter\": true", "\"persistAuthorization\": true"] {
        assert!(settings.contains(setting), "{settings}");
    }
    for document in settings.split("\"url\": \"").skip(1).filter_map(|rest| rest.split('"').next()) {
        client.get(&format!("/docs/{document}")).await.expect(200);
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_compressed_for_those_who_accept_it() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    for path in ["/openapi.json", "/openapi/sync.json", "/asyncapi.json", "/docs/swagger-ui-bundle.js"] {
        let plain = client.get(path).await.expect(200);
        let request = client.request(reqwest::Method::GET, path).header("accept-encoding", "gzip, br");
        let response = request.send().await.expect("a response");
        assert_eq!(response.headers()["content-encoding"], "gzip", "{path}");
        for headers in [&plain.headers, response.headers()] {
            let vary = headers["vary"].to_str().expect("text").to_lowercase();
            assert_eq!(vary.matches("accept-encoding").count(), 1, "{path}: {vary}");
        }
        let compressed = response.bytes().await.expect("a body");
        assert!(compressed.starts_with(&[0x1f, 0x8b]), "{path} is not gzip");
        assert!(compressed.len() < plain.text.len() / 2, "{path}: {} bytes", compressed.len());
    }
}

/// The values of `src` and `href` attributes.
fn references(html: &str) -> Vec<String> {
    ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect()
}
