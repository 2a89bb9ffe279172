//! Simulated devices on an unreliable network, over HTTP: they converge to the same todos.

use blackbox_tests::{Client, on_both_databases};
use chrono::Utc;
use domain::{Stamp, TodoId};
use domain_testkit::simulation::Simulation;
use domain_testkit::simulation::random::Random;
use domain_testkit::simulation::wire::{Answer, Fields, Lost, Reply, Request, Row, Server, Upload, Verdict};
use futures_util::StreamExt;
use serde_json::{Value, json};

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
        let body = json!({"last_sync": request.last_sync.map(|since| since.to_string()), "epoch": request.epoch, "todos": todos, "include_deleted": true,
                          "strategy": request.strategy.as_str(), "client_id": request.client_id, "limit": request.limit});
        let answer = self.client.post("/api/v1/todos/sync", body).await;
        if answer.status == 410 {
            answer.expect_problem(410, "SYNC_001");
            return Ok(Reply::ResyncRequired);
        }
        let body = answer.expect(200).json();
        Ok(Reply::Done(Answer {
            verdicts: verdicts(&todos, &body),
            changes: items(&body["server_changes"]).iter().map(row).collect(),
            has_more: body["has_more"] == true,
            sync_timestamp: text(&body["sync_timestamp"]).parse().expect("a timestamp"),
            epoch: text(&body["epoch"]).to_owned(),
        }))
    }
}

fn sent(upload: &Upload) -> Value {
    let Fields { text, description, completed, deleted } = &upload.fields;
    let mut todo = json!({"id": upload.id.0.to_string(), "updated_at": upload.updated_at.to_string()});
    let named = [
        ("version", upload.version.map(|version| json!(version))),
        ("text", text.as_ref().map(|text| json!(text))),
        ("description", description.as_ref().map(|description| json!(description))),
        ("completed", completed.map(|completed| json!(completed))),
        ("deleted", deleted.map(|deleted| json!(deleted))),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            todo[name] = value;
        }
    }
    todo
}

/// The verdict on each todo sent, in order. The answer has each todo in exactly one of its lists.
fn verdicts(todos: &[Value], body: &Value) -> Vec<Verdict> {
    let lists = ["applied", "conflicts", "rejected"].map(|name| items(&body[name]));
    assert_eq!(
        lists.iter().map(|list| list.len()).sum::<usize>(),
        todos.len(),
        "one verdict on each todo: {body}"
    );
    let (mut conflicts, mut rejected) = (lists[1].to_vec(), lists[2].to_vec());
    todos
        .iter()
        .map(|todo| {
            let of_it = |conflict: &Value| conflict["id"] == todo["id"] && conflict["client_data"] == *todo;
            if let Some(index) = conflicts.iter().position(of_it) {
                let conflict = conflicts.remove(index);
                let server_wins = conflict["resolved"] == "server";
                return Verdict::Conflict { server: row(&conflict["server_data"]), server_wins };
            }
            if let Some(index) = rejected.iter().position(|one| one["id"] == todo["id"]) {
                rejected.remove(index);
                return Verdict::Rejected;
            }
            Verdict::Applied(body["versions"][text(&todo["id"])].as_i64().expect("a version"))
        })
        .collect()
}

fn row(todo: &Value) -> Row {
    Row {
        id: TodoId(text(&todo["id"]).parse().expect("a UUID")),
        text: text(&todo["text"]).to_owned(),
        description: todo["description"].as_str().map(str::to_owned),
        completed: todo["completed"] == true,
        deleted: !todo["deleted_at"].is_null(),
        version: todo["version"].as_i64().expect("a version"),
        updated_at: Some(text(&todo["updated_at"]).parse().expect("a stamp")),
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
    let mut simulation = Simulation::new(remote, Random::new(random.next()));
    for _ in 0..60 {
        simulation.step(now()).await;
    }
    simulation.run_to_quiescence().await;
    simulation.assert_converged().await;
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
