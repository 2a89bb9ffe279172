//! A folder served as the web app: paths, headers, representations, and what it may not shadow.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use blackbox_tests::{Answer, Client, Database, Server};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const SCRIPT: &str = "console.log('hello')";

/// A small app, and files that must not be served.
fn app() -> TempDir {
    let outside = TempDir::new().expect("a folder");
    let folder = outside.path().join("out");
    let page = |text: &str| format!("<!DOCTYPE html><title>{text}</title><script>{SCRIPT}</script>");
    let script = "export const numbers = [1, 2, 3];\n".repeat(200);
    write(&outside.path().join("secret.txt"), "the secret");
    for (path, content) in [
        ("index.html", page("The list")),
        ("settings.html", page("Settings")),
        ("404.html", page("Not here")),
        ("todos.html", page("A shadow")),
        ("health/live.html", page("A shadow")),
        ("manifest.webmanifest", "{}".to_owned()),
        ("_next/static/chunks/app-0a1b.js", script),
        (".hidden", "the secret".to_owned()),
    ] {
        write(&folder.join(path), &content);
    }
    std::os::unix::fs::symlink(outside.path().join("secret.txt"), folder.join("link.txt")).expect("a link");
    outside
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("it can be created");
    fs::write(path, content).expect("it can be written");
}

async fn serving(app: &TempDir) -> Server {
    let folder = app.path().join("out");
    Server::start_with(Database::Sqlite, &[("WEB_DIR", folder.to_str().expect("UTF-8"))]).await
}

async fn ask(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(method, path);
    client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_is_a_page_for_browsers_and_the_index_for_programs() {
    let app = app();
    let server = serving(&app).await;
    let client = server.client();
    let page = ask(&client, Method::GET, "/", &[HTML]).await.expect(200);
    assert!(page.text.contains("<title>The list"), "{page}");
    let vary: Vec<_> = page.header("vary").split(',').map(str::trim).collect();
    assert!(vary.contains(&"accept") && vary.contains(&"accept-encoding"), "{page}");
    for accept in ["*/*", "application/json", "text/html;q=0"] {
        let index = ask(&client, Method::GET, "/", &[("accept", accept)]).await.expect(200);
        assert_eq!(index.json()["name"], "todo-server", "{accept}");
        assert_eq!(index.header("vary").split(',').next(), Some("accept"), "{index}");
    }
    assert_eq!(client.get("/").await.expect(200).json()["name"], "todo-server");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_allow_their_own_scripts_and_are_revalidated() {
    let app = app();
    let server = serving(&app).await;
    let client = server.client();
    let page = client.get("/settings").await.expect(200);
    assert!(page.text.contains("<title>Settings"), "{page}");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    // From `printf "console.log('hello')" | openssl dgst -sha256 -binary | base64`.
    let hash = "'sha256-RiiZMt4WBEeSYPAXi7o6X3AZ0TOyY+/BOcmhjYVr6/E='";
    let policy = page.header("content-security-policy");
    assert!(policy.contains(&format!("script-src 'self' {hash};")), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let known = ask(&client, Method::GET, "/settings", &[("if-none-match", page.header("etag"))]).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""), "{known}");
    let head = ask(&client, Method::HEAD, "/settings", &[]).await;
    assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", page.header("etag")));
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_with_hashed_names_are_kept_for_ever_and_compressed() {
    let app = app();
    let server = serving(&app).await;
    let (client, path) = (server.client(), "/_next/static/chunks/app-0a1b.js");
    let plain = client.get(path).await.expect(200);
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
    assert!(!plain.headers.contains_key("content-encoding"), "{plain}");
    let request = client.request(Method::GET, path).header("accept-encoding", "gzip, br");
    let response = request.send().await.expect("a response");
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_ne!(response.headers()["etag"], plain.header("etag"), "they are two representations");
    let compressed = response.bytes().await.expect("a body");
    assert!(compressed.len() < plain.text.len() / 10, "{} bytes", compressed.len());
    assert!(plain.header("content-security-policy").contains("connect-src 'self'"), "workers fetch files");
    let manifest = client.get("/manifest.webmanifest").await.expect(200);
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_never_a_page_with_200() {
    let app = app();
    let server = serving(&app).await;
    let client = server.client();
    for path in ["/_next/static/chunks/old-ffff.js", "/missing.css", "/link.txt", "/.hidden"] {
        let answer = ask(&client, Method::GET, path, &[HTML]).await;
        answer.expect_problem(404, "RESOURCE_003");
    }
    let page = ask(&client, Method::GET, "/nowhere", &[HTML]).await.expect(404);
    assert!(page.text.contains("<title>Not here"), "{page}");
    client.get("/nowhere").await.expect_problem(404, "RESOURCE_003");
    let posted = client.post("/settings", json!({})).await;
    assert_eq!(posted.header("allow"), "GET, HEAD");
    posted.expect_problem(405, "RESOURCE_003");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leaves_the_folder() {
    let app = app();
    let server = serving(&app).await;
    let address = server.base_url.trim_start_matches("http://").to_owned();
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//secret.txt",
        "/_next/../../secret.txt",
    ] {
        let mut stream = TcpStream::connect(&address).expect("it listens");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("the secret"), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_shadows_no_path_of_the_api() {
    let app = app();
    let server = serving(&app).await;
    let client = server.client();
    ask(&client, Method::GET, "/todos", &[HTML]).await.expect_problem(401, "AUTH_005");
    ask(&client, Method::GET, "/api/v1/nowhere", &[HTML]).await.expect_problem(404, "RESOURCE_003");
    ask(&client, Method::GET, "/todos.html", &[HTML]).await.expect(200);
    assert!(ask(&client, Method::GET, "/health/live", &[HTML]).await.expect(200).text.contains("status"));
    assert_eq!(client.post("/", json!({})).await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_servers_own_origin_may_call_it() {
    let app = app();
    let server = serving(&app).await;
    let client = server.client();
    let body = json!({"email": "ann@example.com", "password": blackbox_tests::client::PASSWORD});
    let own = [("origin", server.base_url.as_str())];
    let request =
        client.request(Method::POST, "/api/v1/auth/register").header(own[0].0, own[0].1).json(&body);
    let answer = client.send(request).await.expect(201);
    assert_eq!(answer.header("access-control-allow-origin"), server.base_url);
    let asks = |origin: &str| {
        let preflight = client.request(Method::OPTIONS, "/api/v1/todos").header("origin", origin);
        client.send(preflight.header("access-control-request-method", "POST"))
    };
    assert_eq!(asks(&server.base_url).await.status, 200);
    assert_ne!(asks("http://evil.example").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_an_app_stops_the_start() {
    let folder = TempDir::new().expect("a folder");
    let settings = [("WEB_DIR", folder.path().display().to_string()), ("PORT", "0".to_owned())];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let output = blackbox_tests::server::command(folder.path(), &settings).output();
    let errors = String::from_utf8(output.expect("it runs").stderr).expect("UTF-8");
    assert!(errors.contains("WEB_DIR names a folder that can't be served"), "{errors}");
}
