//! What clients decide about memory: how long a list is, how many bodies they begin, how slowly they read.

use std::time::{Duration, Instant};

use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Database, Server, Socket, Wire, on_both_databases};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};

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

/// The head of a bulk request whose body does not follow.
fn announced(client: &Client, length: usize) -> Vec<u8> {
    let token = client.token();
    format!(
        "POST /api/v1/todos/bulk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes()
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

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_end_take_a_bounded_part_of_the_memory_for_bodies() {
    const SIZE: usize = 2 * 1024 * 1024;
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    add(&bob, "milk").await;
    let before = reset_peak_memory(&server);
    let mut wires = Vec::new();
    for _ in 0..100 {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&announced(&ann, SIZE)).await;
        // All but the last byte. A refused request may be closed before that.
        let body = vec![b' '; SIZE - 1];
        let _ = tokio::time::timeout(Duration::from_secs(1), wire.send(&body)).await;
        wires.push(wire);
    }
    let grown = peak_memory(&server).saturating_sub(before);
    assert!(grown <= 96, "{grown} MiB more with 200 MB of bodies");
    // On a busy machine the deadline of the first bodies makes room for the last ones.
    let refused = loop {
        let answer = wires.pop().expect("one of a hundred is refused").answer().await;
        if answer.status == 429 {
            break answer;
        }
    };
    refused.expect_problem(429, "RATE_001");
    // Others still send bodies of that size.
    let padded = format!("{}{}", json!({"todos": [{"text": "bread"}]}), " ".repeat(SIZE - 100));
    bob.post_raw("/api/v1/todos/bulk", padded).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_of_one_user_wait_for_a_turn_and_hold_up_nothing_else() {
    const HALF: usize = 100 * 1024;
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let mut begun = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&[announced(&ann, 2 * HALF), vec![b' '; HALF]].concat()).await;
        begun.push(wire);
    }
    let start = Instant::now();
    while bodies_in_flight(&server).await < f64::from(4 * 100 * 1024) {
        assert!(start.elapsed() < TIMEOUT, "the bodies do not arrive");
    }
    let padded = || format!("{}{}", json!({"todos": [{"text": "bread"}]}), " ".repeat(HALF));
    let fifth = tokio::spawn({
        let (ann, body) = (ann.clone(), padded());
        async move { ann.post_raw("/api/v1/todos/bulk", body).await }
    });
    add(&ann, "milk").await;
    bob.post_raw("/api/v1/todos/bulk", padded()).await.expect(201);
    assert!(!fifth.is_finished(), "it waits");
    drop(begun.pop());
    fifth.await.expect("no panic").expect(201);
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

/// A head that never ends, of about 120 KB in long headers.
fn endless_head() -> Vec<u8> {
    let mut head = b"GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    for n in 0..88 {
        head.extend(format!("X-{n}: {}\r\n", "a".repeat(1_350)).into_bytes());
    }
    head
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_never_end_take_a_bounded_memory_and_keep_nobody_out() {
    const CONNECTIONS: usize = 400;
    let server = Server::start(Database::Sqlite).await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let endless = endless_head();
    let complete = [&endless[..], b"\r\n"].concat();
    let after_a_request = [b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", &endless[..]].concat();
    let after_a_long_answer = [b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", &endless[..]].concat();
    for sent in [endless, complete, after_a_request, after_a_long_answer] {
        let before = reset_peak_memory(&server);
        let begun = (0..CONNECTIONS).map(async |_| {
            let mut wire = Wire::narrow(&server.base_url).await;
            // What the server does not read waits in the system's buffers.
            let _ = tokio::time::timeout(Duration::from_secs(2), wire.send(&sent)).await;
            wire
        });
        let wires = futures_util::future::join_all(begun).await;
        add(&bob, "milk").await;
        server.client().get("/health").await.expect(200);
        let grown = peak_memory(&server).saturating_sub(before);
        assert!(grown <= 36, "{grown} MiB more with {} heads of 120 KB", wires.len());
    }
    // Long heads that are complete are served, once the server has noticed that the others are gone.
    let start = Instant::now();
    let client = server.client();
    let long = || client.request(reqwest::Method::GET, "/health/live").header("x-long", "a".repeat(60_000));
    while long().send().await.is_err() {
        assert!(start.elapsed() < TIMEOUT, "a long head is refused");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.send(long()).await.expect(200);
}

/// The memory that bodies occupy, in bytes.
async fn bodies_in_flight(server: &Server) -> f64 {
    let metrics = server.client().get("/metrics").await.expect(200).text;
    let held = metrics.lines().find_map(|line| line.strip_prefix("http_bodies_in_flight_bytes "));
    held.expect("the gauge").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_bodies_of_one_network_leave_memory_to_others() {
    let proxy = [("TRUSTED_PROXIES", "127.0.0.1"), ("MAX_BODIES_IN_FLIGHT_BYTES", "33554432")];
    let server = Server::start_with(Database::Sqlite, &proxy).await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let mut wires = Vec::new();
    for n in 0..600 {
        let mut wire = Wire::connect(&server.base_url).await;
        let head = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 2001:db8:1:2::{n:x}\r\n\
             Content-Type: application/json\r\nContent-Length: 16300\r\n\r\n"
        );
        wire.send(&[head.as_bytes(), &[b' '; 16_000]].concat()).await;
        wires.push(wire);
    }
    // Which one is refused depends on the workers of the server.
    let mut answers: FuturesUnordered<_> = wires.into_iter().map(Wire::answer).collect();
    answers.next().await.expect("many").expect_problem(429, "RATE_001");
    let held = bodies_in_flight(&server).await;
    assert!(held <= f64::from(9 * 1024 * 1024), "{held} bytes, of 32 MiB for all networks");
    // Others still send large bodies.
    let padded = format!("{}{}", json!({"todos": [{"text": "bread"}]}), " ".repeat(2_000_000));
    bob.post_raw("/api/v1/todos/bulk", padded).await.expect(201);
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

#[tokio::test(flavor = "multi_thread")]
async fn forms_for_providers_count_as_bodies_of_their_network() {
    const FORMS: usize = 600;
    let settings = [
        ("PUBLIC_URL", "http://localhost:8080"),
        ("GITHUB_CLIENT_ID", "todo"),
        ("GITHUB_CLIENT_SECRET", "a secret"),
        ("MAX_BODIES_IN_FLIGHT_BYTES", "33554432"),
    ];
    let server = Server::start_with(Database::Sqlite, &settings).await;
    let head = |provider: &str| {
        format!(
            "POST /api/v1/auth/oauth/{provider}/callback HTTP/1.1\r\nHost: x\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16384\r\n\r\n"
        )
    };
    // A form for an unknown provider is not read.
    let mut wire = Wire::connect(&server.base_url).await;
    wire.send(head("nobody").as_bytes()).await;
    wire.answer().await.expect_problem(404, "RESOURCE_002");
    let mut wires = Vec::new();
    for _ in 0..FORMS {
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(&[head("github").as_bytes(), &[b'a'; 16_000]].concat()).await;
        wires.push(wire);
    }
    let mut answers: FuturesUnordered<_> = wires.into_iter().map(Wire::answer).collect();
    answers.next().await.expect("many").expect_problem(429, "RATE_001");
    let in_flight = bodies_in_flight(&server).await;
    assert!(in_flight <= f64::from(9 * 1024 * 1024), "{in_flight} bytes, of 32 MiB for all networks");
    assert!(in_flight > 0.0, "forms count");
}
