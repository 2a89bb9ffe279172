//! What clients decide about memory: how long a list is, how many faults a body has, how slowly they read.

use std::time::{Duration, Instant};

use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Database, Server, Socket, Wire, on_both_databases};
use serde_json::{Value, json};

use super::unfinished::announced;
use super::{peak_memory, reset_peak_memory};
use crate::support::{add, id, items};

/// Creates `count` todos with descriptions of `length` bytes.
pub async fn fill(client: &Client, count: usize, length: usize) {
    describe(client, count, &"d".repeat(length)).await;
}

/// Creates `count` todos with this description.
async fn describe(client: &Client, count: usize, description: &str) {
    let per_request = (1_500_000 / (description.len() + 200)).clamp(1, 1000);
    for start in (0..count).step_by(per_request) {
        let todos: Vec<Value> = (start..count.min(start + per_request))
            .map(|n| json!({"id": id(n), "text": "x", "description": description}))
            .collect();
        client.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
    }
}

/// A change of 300 todos with as much text as a request may have.
fn large_batch(round: usize) -> Value {
    let description = format!("{round}").repeat(6_000);
    let todos: Vec<_> = (0..300).map(|n| json!({"id": id(n), "description": description})).collect();
    json!({"todos": todos})
}

/// Deletes the account of `client`, in spite of everything that goes on.
async fn delete_account(client: &Client) {
    let body = json!({"password": PASSWORD});
    let start = Instant::now();
    loop {
        let request = client.request(reqwest::Method::DELETE, "/api/v1/users/me").json(&body);
        match client.send(request).await.status {
            // After a response that was too late, the account may be gone.
            204 | 401 => return,
            status => assert!([429, 503].contains(&status), "{status}"),
        }
        assert!(start.elapsed() < TIMEOUT, "the account can't be deleted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A socket that has everything to send and that nobody reads.
async fn unread_socket(server: &Server, client: &Client) -> Wire {
    let mut wire = Wire::narrow(&server.base_url).await;
    let token = client.token();
    let head = format!(
        "GET /ws/todos?since=2000-01-01T00:00:00Z HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    wire.send(head.as_bytes()).await;
    wire
}

/// Two requests of each expensive kind on each of eight connections of one account, bodies and lists
/// that are begun and left alone, sockets that nobody reads, and the deletion of another full account.
async fn every_attack(server: &Server, ann: &Client, leaving: &Client) {
    let paths = [
        "/api/tasks",
        "/api/v1/users/me/export",
        "/api/v1/todos?search=zz+zy+zx",
        "/api/v1/todos?sort=alpha&page=80&per_page=100",
        "/api/v1/todos?include_deleted=true&page=85&per_page=100",
    ];
    let mut idle = Vec::new();
    for _ in 0..40 {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&announced(ann, 2 * 1024 * 1024)).await;
        let _ = tokio::time::timeout(Duration::from_millis(200), wire.send(&vec![b' '; 2_000_000])).await;
        idle.push(wire);
    }
    for _ in 0..8 {
        let mut wire = Wire::narrow(&server.base_url).await;
        let head =
            format!("GET /api/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ann.token());
        wire.send(head.as_bytes()).await;
        idle.push(wire);
    }
    for _ in 0..20 {
        idle.push(unread_socket(server, ann).await);
    }
    let attackers = (0..8).map(|n| {
        let ann = ann.clone();
        async move {
            for round in 0..2 {
                let path = paths[n % paths.len()];
                // A list may break off when its memory is needed, which the client shows as an error.
                if let Ok(answer) = ann.request(reqwest::Method::GET, path).send().await {
                    assert!([200, 429, 503].contains(&answer.status().as_u16()), "{}", answer.status());
                    let _ = answer.bytes().await;
                }
                ann.post("/api/v1/todos/sync", json!({})).await;
                let request = ann.request(reqwest::Method::PATCH, "/api/v1/todos/bulk");
                ann.send(request.json(&large_batch(round + n))).await;
            }
        }
    });
    futures_util::future::join(futures_util::future::join_all(attackers), delete_account(leaving)).await;
    drop(idle);
}

on_both_databases! {
    async fn every_attack_at_once_takes_a_bounded_memory(server: Server) {
        let idle = peak_memory(&server);
        let (ann, _) = server.client().register("ann@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        let (eve, _) = server.client().register("eve@example.com").await;
        fill(&ann, 9_000, 6_000).await;
        fill(&eve, 10_000, 500).await;
        every_attack(&server, &ann, &eve).await;
        eve.get("/api/v1/todos").await.expect(401);
        add(&bob, "milk").await;
        let grown = peak_memory(&server).saturating_sub(idle);
        assert!(grown <= 256, "{grown} MiB more than when idle");
    }

    async fn sockets_that_never_read_take_a_bounded_memory_and_stop_no_other_user(server: Server) {
        const ACCOUNTS: usize = 8;
        let emoji = "\u{1f600}".repeat(10_000);
        let mut accounts = Vec::new();
        for n in 0..=ACCOUNTS {
            let (client, _) = server.client().register(&format!("user{n}@example.com")).await;
            describe(&client, 60, &emoji).await;
            accounts.push(client);
        }
        let bob = accounts.pop().expect("another user");
        let before = reset_peak_memory(&server);
        let mut unread = Vec::new();
        for client in &accounts {
            for _ in 0..20 {
                let mut wire = unread_socket(&server, client).await;
                assert_eq!(wire.peek_status().await, 101);
                unread.push(wire);
            }
        }
        // Another user's socket gets everything meanwhile.
        let mut socket = Socket::open(&server.socket_url(), bob.token(), "?since=2000-01-01T00:00:00Z").await.expect("opens");
        for _ in 0..60 {
            assert_eq!(socket.next().await["type"], "todo_created");
        }
        assert_eq!(socket.next().await["type"], "ready");
        add(&bob, "milk").await;
        assert_eq!(socket.next().await["todo"]["text"], "milk");
        let grown = peak_memory(&server).saturating_sub(before);
        assert!(grown <= 128, "{grown} MiB more with {} sockets that have 2.4 MB each to send", unread.len());
    }

    async fn a_list_of_ten_thousand_long_tasks_takes_little_memory(server: Server) {
        let ann = server.client().new_user().await;
        fill(&ann, 10_000, 6_000).await;
        // The first list makes caches and pools as large as they get.
        for _ in 0..2 {
            let before = reset_peak_memory(&server);
            let answer = ann.get("/api/tasks").await.expect(200);
            let grown = peak_memory(&server).saturating_sub(before);
            assert_eq!(answer.header("x-total-count"), "10000");
            assert_eq!(items(&answer.json()).len(), 10_000);
            assert!(grown <= 48, "{grown} MiB more for a list of 60 MB");
        }
    }
}

/// The keys of metadata, as JSON with control characters, which no key may have.
fn bad_metadata(count: usize) -> String {
    let keys: Vec<_> = (0..count).map(|n| format!(r#""\t{n}":1"#)).collect();
    format!(r#"{{"text":"x","metadata":{{{}}}}}"#, keys.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_megabytes_of_errors_take_little_memory_and_a_short_answer() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let list = |item: &str, count: usize| format!(r#"{{"todos":[{}]}}"#, vec![item; count].join(","));
    let wrong = r#"{"id":[],"text":1,"description":1,"completed":7,"metadata":1,"client_id":1,"created_at":[],"completed_at":[]}"#;
    let bulk = "/api/v1/todos/bulk";
    // The first request makes caches and pools as large as they get.
    ann.post_raw(bulk, list("1", 10_000)).await.expect_problem(422, "VALIDATION_006");
    for (path, body, listed, omitted) in [
        (bulk, list(&bad_metadata(24), 7_500), 100, json!(7_500 * 24 - 100)),
        (bulk, list(wrong, 10_000), 100, json!(79_900)),
        (bulk, list("1", 10_000), 100, json!(9_900)),
        ("/api/v1/todos", bad_metadata(160), 100, json!(60)),
        ("/api/v1/todos", bad_metadata(160_000), 1, Value::Null),
    ] {
        let before = reset_peak_memory(&server);
        let refused = ann.post_raw(path, body).await.expect(422);
        let grown = peak_memory(&server).saturating_sub(before);
        assert!(grown <= 32, "{grown} MiB more for the errors of {path}, of which {omitted} are omitted");
        assert!(refused.text.len() < 24_000, "{} bytes", refused.text.len());
        let details = &refused.json()["details"];
        assert_eq!((items(&details["errors"]).len(), &details["omitted"]), (listed, &omitted), "{path}");
    }
    // Each item that is rejected beside good ones has one short entry.
    let mut mixed = list(&bad_metadata(24), 7_000);
    mixed.insert_str(r#"{"todos":["#.len(), r#"{"text":"milk"},"#);
    let before = reset_peak_memory(&server);
    let answer = ann.post_raw(bulk, mixed).await.expect(201);
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 32, "{grown} MiB more for rejected items");
    assert_eq!(items(&answer.json()["rejected"]).len(), 7_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_read_no_pong_take_little_memory() {
    const USERS: usize = 3;
    const PINGS: usize = 3_500;
    let server = Server::start(Database::Sqlite).await;
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(server.client().register(&format!("user{n}@example.com")).await.0);
    }
    // A masked frame of 125 bytes, of which the pong has as many.
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'a'; 125]].concat().repeat(PINGS);
    let before = reset_peak_memory(&server);
    let begun = users.iter().flat_map(|user| std::iter::repeat_n(user, 20)).map(async |user| {
        let mut wire = unread_socket(&server, user).await;
        assert_eq!(wire.peek_status().await, 101);
        // What the server does not read waits in the system's buffers.
        let _ = tokio::time::timeout(Duration::from_secs(2), wire.send(&ping)).await;
        wire
    });
    let sockets = futures_util::future::join_all(begun).await;
    server.client().get("/health").await.expect(200);
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 8, "{grown} MiB more with {} sockets", sockets.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_documents_that_nobody_reads_take_little_memory() {
    const CONNECTIONS: usize = 400;
    let server = Server::start(Database::Sqlite).await;
    let (bob, _) = server.client().register("bob@example.com").await;
    for path in ["/docs/swagger-ui-bundle.js", "/openapi.json", "/openapi/sync.json", "/asyncapi.json"] {
        // The first response compresses the document, for all.
        let compressed =
            server.client().request(reqwest::Method::GET, path).header("accept-encoding", "gzip");
        server.client().send(compressed).await.expect(200);
        let before = reset_peak_memory(&server);
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
        let begun = (0..CONNECTIONS).map(async |_| {
            let mut wire = Wire::narrow(&server.base_url).await;
            wire.send(head.as_bytes()).await;
            assert_eq!(wire.peek_status().await, 200);
            wire
        });
        let wires = futures_util::future::join_all(begun).await;
        add(&bob, "milk").await;
        let grown = peak_memory(&server).saturating_sub(before);
        assert!(grown <= 40, "{grown} MiB more with {} unread responses to {path}", wires.len());
    }
}
