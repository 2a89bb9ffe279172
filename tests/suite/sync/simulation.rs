//! Simulated devices on an unreliable network, over HTTP: they converge to the same todos.

use blackbox_tests::{Client, on_both_databases};
use chrono::Utc;
use domain::{Stamp, TodoId};
use domain_testkit::simulation::Simulation;
use domain_testkit::simulation::ghosts::Ghosts;
use domain_testkit::simulation::random::Random;
use domain_testkit::simulation::scenario::Scenario;
use domain_testkit::simulation::token::Token;
use domain_testkit::simulation::trace::Trace;
use domain_testkit::simulation::values::{Held, Key, Row, Value};
use domain_testkit::simulation::wire::{Answer, Gone, Lost, Reply, Request, Server, Upload, Verdict};
use futures_util::StreamExt;
use serde_json::{Value as Json, json};

use crate::support::{items, text};

/// The number of users. Each has devices of their own.
const SEEDS: u64 = 40;

/// The server under test, as the devices of one user reach it.
struct RemoteServer {
    client: Client,
}

impl Server for RemoteServer {
    async fn sync(&mut self, request: &Request) -> Result<Reply, Lost> {
        let todos: Vec<_> = request.todos.iter().map(sent).collect();
        let body = json!({"last_sync": request.last_sync.map(|since| since.to_string()), "epoch": request.epoch, "todos": todos,
                          "strategy": request.strategy.as_str(), "client_id": request.client_id, "limit": request.limit,
                          "include_deleted": request.include_deleted});
        let answer = self.client.post("/api/v1/todos/sync", body).await;
        if answer.status == 410 {
            answer.expect_problem(410, "SYNC_001");
            let epoch = text(&answer.json()["details"]["epoch"]).to_owned();
            return Ok(Reply::Gone(Gone::Forgotten { epoch }));
        }
        let body = answer.expect(200).json();
        Ok(Reply::Done(Answer {
            verdicts: verdicts(&todos, &body),
            changes: items(&body["server_changes"]).iter().map(row).collect(),
            has_more: body["has_more"] == true,
            sync_timestamp: text(&body["sync_timestamp"]).parse().expect("a timestamp"),
            epoch: text(&body["epoch"]).to_owned(),
            digest: body["digest"].as_str().map(|hex| u64::from_str_radix(hex, 16).expect("a digest")),
        }))
    }
}

fn sent(upload: &Upload) -> Json {
    let mut todo = json!({"id": upload.id.0.to_string(), "updated_at": upload.updated_at.to_string()});
    if let Some(version) = upload.version {
        todo["version"] = json!(version);
    }
    for (key, held) in &upload.fields {
        let value = match held.value {
            Value::Flag(flag) => json!(flag),
            value => json!(value.text()),
        };
        match key.metadata() {
            Some(name) => todo["metadata"][name] = value,
            None => todo[name(*key)] = value,
        }
    }
    todo
}

fn name(key: Key) -> &'static str {
    match key {
        Key::Text => "text",
        Key::Description => "description",
        Key::Completed => "completed",
        Key::Deleted => "deleted",
        Key::Metadata(_) => "metadata",
    }
}

/// The verdict on each todo sent, in order. The answer has each todo in exactly one of its lists.
fn verdicts(todos: &[Json], body: &Json) -> Vec<Verdict> {
    let lists = ["applied", "conflicts", "rejected"].map(|name| items(&body[name]));
    let judged: usize = lists.iter().map(|list| list.len()).sum();
    assert_eq!(judged, todos.len(), "one verdict on each todo: {body}");
    let (mut conflicts, mut rejected) = (lists[1].to_vec(), lists[2].to_vec());
    let verdict = |todo: &Json| {
        let of_it = |conflict: &Json| conflict["id"] == todo["id"] && conflict["client_data"] == *todo;
        if let Some(index) = conflicts.iter().position(of_it) {
            let conflict = conflicts.remove(index);
            let fields = items(&conflict["fields"]).iter().map(|field| key(text(field))).collect();
            let server_wins = conflict["resolved"] == "server";
            return Verdict::Conflict { server: row(&conflict["server_data"]), fields, server_wins };
        }
        if let Some(index) = rejected.iter().position(|one| one["id"] == todo["id"]) {
            rejected.remove(index);
            return Verdict::Rejected;
        }
        let id = text(&todo["id"]);
        let version = body["versions"][id].as_i64().expect("a version");
        Verdict::Applied((version > 0).then(|| (version, stamp(&body["stamps"][id]))))
    };
    todos.iter().map(verdict).collect()
}

fn key(field: &str) -> Key {
    field.strip_prefix("metadata.").map_or_else(
        || Key::ALL.into_iter().find(|key| name(*key) == field).expect("a field of ours"),
        Key::of_metadata,
    )
}

fn stamp(value: &Json) -> Stamp {
    text(value).parse().expect("a stamp")
}

fn row(todo: &Json) -> Row {
    let value = |key: Key| match key {
        Key::Deleted => Value::Flag(!todo["deleted_at"].is_null()),
        Key::Completed => Value::Flag(todo["completed"] == true),
        key => {
            let value = key.metadata().map_or(&todo[name(key)], |name| &todo["metadata"][name]);
            value.as_str().map_or(Value::Absent, Value::of_text)
        }
    };
    Row {
        id: TodoId(text(&todo["id"]).parse().expect("a UUID")),
        version: todo["version"].as_i64().expect("a version"),
        updated_at: stamp(&todo["updated_at"]),
        fields: Key::ALL.map(|key| (key, Held { value: value(key), token: Token::NONE })).into(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulated devices use the machine's clock, as the server does"
)]
fn now() -> Stamp {
    Stamp::from_micros(Utc::now().timestamp_micros()).expect("a stamp")
}

async fn simulate(client: Client, seed: u64) {
    let mut random = Random::new(seed);
    let remote = RemoteServer { client: client.register(&format!("seed{seed}@example.com")).await.0 };
    let ghosts = Ghosts::default();
    let mut simulation = Simulation::new(remote, &ghosts, &Scenario::PLAIN, Trace::default(), &mut random);
    for _ in 0..60 {
        simulation.step(&mut random, now()).await;
    }
    simulation.run_to_quiescence(&mut random, now()).await;
    let everything = simulation.network.server.client.post("/api/v1/todos/sync", json!({})).await;
    let live: Vec<_> = items(&everything.expect(200).json()["server_changes"]).iter().map(row).collect();
    let live: Vec<_> = live.iter().filter(|row| !row.is_tombstone()).collect();
    for device in &simulation.devices {
        let held: Vec<_> = device.rows().values().filter(|row| !row.is_tombstone()).collect();
        let same = |row: &&&Row| {
            live.iter().any(|of| of.id == row.id && of.is_same_version(row) && of.differing(row).is_empty())
        };
        assert_eq!(held.iter().filter(same).count(), live.len(), "{held:?} instead of {live:?}");
        assert_eq!(held.len(), live.len(), "{held:?} instead of {live:?}");
        assert_eq!(device.stats.repairs + device.stats.strange, 0, "nothing was lost");
    }
}

on_both_databases! {
    async fn devices_on_an_unreliable_network_converge_to_the_same_todos(server: Server) {
        let seeds = futures_util::stream::iter(0..SEEDS).for_each_concurrent(4, |seed| {
            let client = server.client();
            async move {
                let done = tokio::spawn(simulate(client, seed)).await;
                assert!(done.is_ok(), "seed {seed} fails");
            }
        });
        seeds.await;
    }
}
