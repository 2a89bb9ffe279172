//! One account on many connections, with requests that cost much: other users and the server's own checks
//! go on. `cargo xtask bench --only hostile` measures how fast.

use std::time::{Duration, Instant};

use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Server, on_both_databases};
use serde_json::{Value, json};

use super::memory::fill;
use crate::support::{add, id, items, log_in};

/// The number of connections of the account.
const CONNECTIONS: usize = 16;
/// Requests of others that are measured.
const SAMPLES: usize = 20;
/// The slowest tenth of others' requests may take this long, or ten times as long as without the attack.
const BOUND: Duration = Duration::from_secs(2);

/// Sends `path` on many connections, again and again, until `others` is done.
async fn attacked(attacker: &Client, paths: &[String], others: impl Future<Output = Duration>) -> Duration {
    let attackers: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let (attacker, path) = (attacker.clone(), paths[n % paths.len()].clone());
            tokio::spawn(async move {
                loop {
                    let status = attacker.get(&path).await.status;
                    assert!([200, 429, 503].contains(&status), "{status}");
                }
            })
        })
        .collect();
    // The attack begins before the measurement.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let took = others.await;
    for attacker in attackers {
        attacker.abort();
    }
    took
}

/// Reads, writes, syncs, logs in and asks for health as another user. Returns the time of the
/// slowest tenth.
async fn use_the_server(bob: &Client) -> Duration {
    let mut times = Vec::new();
    let first = bob.post("/api/v1/todos/sync", json!({"client_id": "phone"})).await.expect(200).json();
    let delta = json!({"client_id": "phone", "last_sync": first["sync_timestamp"], "epoch": first["epoch"]});
    for n in 0..SAMPLES {
        let began = Instant::now();
        assert!(!items(&bob.get("/api/v1/todos").await.expect(200).json()).is_empty());
        add(bob, &format!("todo {n}")).await;
        bob.post("/api/v1/todos/sync", delta.clone()).await.expect(200);
        bob.get("/health").await.expect(200);
        times.push(began.elapsed());
    }
    log_in(&bob.anonymous(), "bob@example.com", "phone").await;
    times.sort_unstable();
    times[SAMPLES * 9 / 10]
}

async fn two_users(server: &Server) -> (Client, Client) {
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    add(&bob, "milk").await;
    (ann, bob)
}

async fn assert_others_go_on(ann: &Client, bob: &Client, paths: &[String]) {
    let quiet = use_the_server(bob).await;
    let during = attacked(ann, paths, use_the_server(bob)).await;
    assert!(during <= BOUND.max(quiet * 10), "{during:?} instead of {quiet:?}");
}

/// A text in which 99 words nearly occur at every second character, and occur at the end, and a search for them.
fn near_match() -> (String, String) {
    let ends: Vec<char> = ('\u{4e00}'..).take(99).collect();
    let words: Vec<String> = ends.iter().map(|end| format!("ab{end}b")).collect();
    ("ab".repeat(4_500) + &words.concat(), words.join("+"))
}

/// The number of long todos that are stored.
fn todos(server: &Server) -> usize {
    let count =
        server.column("SELECT CAST(count(*) AS text) AS value FROM todos WHERE description IS NOT NULL");
    count[0].parse().expect("a number")
}

on_both_databases! {
    async fn searches_that_nearly_match_do_not_stop_others(server: Server) {
        let (ann, bob) = two_users(&server).await;
        let (description, words) = near_match();
        for start in (0..500).step_by(100) {
            let todos: Vec<Value> = (start..start + 100)
                .map(|n| json!({"id": id(n), "text": "x", "description": description}))
                .collect();
            ann.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
        }
        assert_others_go_on(&ann, &bob, &[format!("/api/v1/todos?search={words}")]).await;
    }

    async fn deep_pages_sorts_and_whole_lists_do_not_stop_others(server: Server) {
        let (ann, bob) = two_users(&server).await;
        fill(&ann, 5_000, 500).await;
        let todos: Vec<Value> = (0..1000).map(|n| json!({"id": id(n), "deleted": true, "version": 1})).collect();
        ann.post("/api/v1/todos/sync", json!({"todos": todos})).await.expect(200);
        let paths = [
            "/api/v1/todos?include_deleted=true&sort=alpha&page=40&per_page=100",
            "/api/v1/todos?sort=oldest&page=45&per_page=100",
            "/todos?sort_by=title&skip=4900",
            "/api/tasks",
            "/api/tasks?offset=4990",
            "/api/v1/users/me/export",
        ]
        .map(str::to_owned);
        assert_others_go_on(&ann, &bob, &paths).await;
    }

    async fn the_deletion_of_a_full_account_delays_nobody_and_survives_a_crash(server: Server) {
        let mut server = server;
        let (ann, bob) = two_users(&server).await;
        fill(&ann, 3_000, 3_000).await;
        assert_eq!(todos(&server), 3_000);
        let body = json!({"password": PASSWORD});
        let request = ann.request(reqwest::Method::DELETE, "/api/v1/users/me").json(&body);
        ann.send(request).await.expect(204);
        // Most of the todos are still there; on a quick machine they would not be for long.
        server.crash_and_restart().await;
        let [ann, bob] = [ann, bob].map(|client| server.client().with_token(client.token()));
        // At once for everybody.
        ann.get("/api/v1/todos").await.expect(401);
        let again = json!({"email": "ann@example.com", "password": PASSWORD});
        server.client().post("/api/v1/auth/register", again).await.expect(201);
        add(&bob, "written meanwhile").await;
        let start = Instant::now();
        let users = || server.column("SELECT CAST(count(*) AS text) AS value FROM users");
        // The account itself goes after its last todo.
        while todos(&server) > 0 || users() != ["2"] {
            assert!(start.elapsed() < TIMEOUT, "{} todos are left", todos(&server));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
