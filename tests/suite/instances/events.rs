//! A change through any instance reaches the sockets of all instances, once and in order, whatever
//! the network and the database do meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Proxy, Server, Socket, on_postgres};
use postgres_testbed::{Durability, PrivateCluster, Standby};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::failover::either;
use crate::support::{add, everything, id, items, log_in, text, total, twin};

/// The stamp of an event.
pub fn stamp(event: &Value) -> &str {
    text(if event["type"] == "todo_deleted" { &event["updated_at"] } else { &event["todo"]["updated_at"] })
}

/// Receives `count` creations, which must be different todos in stamp order, and returns their ids.
pub(super) async fn created(socket: &mut Socket, count: usize) -> Vec<String> {
    creations(&socket.take(count).await)
}

/// The ids of todos that were created, each once and in stamp order.
pub fn creations(events: &[Value]) -> Vec<String> {
    assert!(events.iter().all(|event| event["type"] == "todo_created"), "{events:?}");
    assert!(events.is_sorted_by(|a, b| stamp(a) < stamp(b)), "once and in order: {events:?}");
    events.iter().map(|event| text(&event["todo"]["id"]).to_owned()).collect()
}

/// Replaces the host and port of a database's URL.
pub(super) fn through(proxy: &Proxy, url: &str) -> String {
    let (start, rest) = url.split_once('@').expect("a role");
    let (_, end) = rest.split_once('/').expect("a database");
    format!("{start}@{}/{end}", proxy.address())
}

/// The host and port of a database's URL.
pub(super) fn host(url: &str) -> &str {
    url.split_once('@').and_then(|(_, rest)| rest.split_once('/')).expect("a host and a database").0
}

on_postgres! {
    async fn a_change_through_any_of_three_reaches_the_sockets_of_all_once_and_in_order(server: Server) {
        let servers = [twin(&server).await, twin(&server).await, server];
        let (ann, _) = servers[0].client().register("ann@example.com").await;
        let (bob, _) = servers[0].client().register("bob@example.com").await;
        let (mut sockets, mut bobs) = (Vec::new(), Vec::new());
        for server in &servers {
            for _ in 0..2 {
                sockets.push(Socket::ready(&server.socket_url(), ann.token(), "").await.0);
            }
            bobs.push(Socket::ready(&server.socket_url(), bob.token(), "").await.0);
        }
        let clients = servers.each_ref().map(|server| server.client().with_token(ann.token()));
        let mut ids = Vec::new();
        for n in 0..30 {
            ids.push(text(&add(&clients[n % 3], &format!("todo {n}")).await["id"]).to_owned());
        }
        for socket in &mut sockets {
            assert_eq!(created(socket, 30).await, ids);
        }
        // What happens to one todo, wherever it happens, is told in its last state at least.
        let last = crate::support::at(&json!({"id": ids[0]}));
        for (n, client) in clients.iter().enumerate() {
            client.patch(&last, json!({"text": format!("edit {n}")})).await.expect(200);
        }
        clients[1].delete(&last).await.expect(204);
        for socket in &mut sockets {
            let mut before = String::new();
            loop {
                let event = socket.next().await;
                assert!(before.as_str() < stamp(&event), "{event}");
                before = stamp(&event).to_owned();
                if event["type"] == "todo_deleted" {
                    assert_eq!(event["version"], 5);
                    break;
                }
                assert_eq!(event["type"], "todo_updated");
            }
            assert_eq!(socket.drain().await, [] as [Value; 0], "nothing comes twice");
        }
        for socket in &mut bobs {
            assert_eq!(socket.drain().await, [] as [Value; 0]);
        }
        for server in &servers {
            assert!(total(server, "realtime_bus_up").await > 0.0);
            assert!(total(server, "realtime_bus_messages_received_total").await > 0.0);
        }
    }

    async fn a_cut_between_an_instance_and_the_database_leaves_no_gap(server: Server) {
        let (app, owner) = (server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"));
        let proxy = Proxy::start(host(app)).await;
        let settings = [("DATABASE_TIMEOUT_MS", "1000")];
        let cut_off = Server::start_on(&through(&proxy, app), &through(&proxy, owner), &settings).await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let mut sockets = vec![
            Socket::ready(&server.socket_url(), ann.token(), "").await.0,
            Socket::ready(&cut_off.socket_url(), ann.token(), "").await.0,
            Socket::ready(&cut_off.socket_url(), ann.token(), "").await.0,
        ];
        add(&server.client().with_token(ann.token()), "before").await;
        for socket in &mut sockets {
            created(socket, 1).await;
        }
        let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let laptop_there = cut_off.client().with_token(laptop.token());
        laptop_there.get("/api/v1/todos").await.expect(200);
        let (mut of_laptop, _) = Socket::ready(&cut_off.socket_url(), laptop.token(), "").await;
        proxy.cut();
        laptop.post("/api/v1/auth/logout", json!({})).await.expect(204);
        let mut ids = Vec::new();
        for n in 0..40 {
            ids.push(text(&add(&ann, &format!("todo {n}")).await["id"]).to_owned());
            sleep(Duration::from_millis(250)).await;
        }
        // Neither the bus nor the poll can say that the laptop logged out: the instance trusts no
        // token.
        let start = Instant::now();
        let mut refused = laptop_there.get("/api/v1/todos").await;
        while !refused.text.contains("whether this session has ended") {
            assert!(start.elapsed() < TIMEOUT, "{refused}");
            sleep(Duration::from_millis(100)).await;
            refused = laptop_there.get("/api/v1/todos").await;
        }
        proxy.heal();
        // Without another write, everything arrives.
        for socket in &mut sockets {
            assert_eq!(created(socket, 40).await, ids);
        }
        assert!(total(&cut_off, "realtime_bus_gaps_repaired_total").await > 0.0);
        // It trusts tokens again once it has read which of them are revoked.
        let client = cut_off.client().with_token(ann.token());
        let start = Instant::now();
        while client.get("/api/v1/todos").await.status != 200 {
            assert!(start.elapsed() < TIMEOUT, "the instance still refuses tokens");
            sleep(Duration::from_millis(50)).await;
        }
        laptop_there.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
        assert_eq!(of_laptop.closed().await, 4401);
        let through_it = add(&client, "after").await;
        for socket in &mut sockets {
            assert_eq!(created(socket, 1).await, [text(&through_it["id"])]);
        }
    }
}

/// Creates todos with the ids from `first` on until `stop` is set, each until it is acknowledged,
/// and returns their ids.
async fn create_until_stopped(client: Client, first: usize, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut created = Vec::new();
    for n in first.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let body = json!({"id": id(n), "text": "created"});
        loop {
            let sent = client.request(Method::POST, "/api/v1/todos").json(&body).send().await;
            // 200: an attempt whose answer was lost has created it.
            if sent.is_ok_and(|answer| [200, 201].contains(&answer.status().as_u16())) {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        created.push(id(n));
        sleep(Duration::from_millis(5)).await;
    }
    created
}

/// Two instances, a socket on each, and two writers.
struct UnderLoad {
    servers: Vec<Server>,
    /// What the sockets receive.
    told: Vec<mpsc::UnboundedReceiver<Value>>,
    reader: Client,
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Vec<String>>>,
}

impl UnderLoad {
    async fn start(app_url: &str, owner_url: &str) -> Self {
        let mut servers = Vec::new();
        for _ in 0..2 {
            servers.push(Server::start_on(app_url, owner_url, &[("DATABASE_TIMEOUT_MS", "1000")]).await);
        }
        let (ann, _) = servers[0].client().register("ann@example.com").await;
        let mut told = Vec::new();
        for server in &servers {
            let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
            let (sender, receiver) = mpsc::unbounded_channel();
            // Ends when the receiver is dropped, or when the server has gone.
            tokio::spawn(async move { while sender.send(socket.next().await).is_ok() {} });
            told.push(receiver);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let writer = |(n, server): (usize, &Server)| {
            let client = server.client().with_token(ann.token());
            tokio::spawn(create_until_stopped(client, n * 100_000, Arc::clone(&stop)))
        };
        let writers = servers.iter().enumerate().map(writer).collect();
        Self { servers, told, reader: ann, stop, writers }
    }

    /// Ends the load. Everything acknowledged is stored, and was told once and in order.
    async fn finish(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for writer in self.writers {
            acknowledged.extend(writer.await.expect("the writer ends"));
        }
        acknowledged.sort();
        let stored = everything(&self.reader).await;
        let mut stored: Vec<_> = items(&stored).iter().map(|todo| text(&todo["id"]).to_owned()).collect();
        stored.sort();
        assert_eq!(stored, acknowledged);
        for receiver in &mut self.told {
            let mut events = Vec::new();
            while events.len() < acknowledged.len() {
                let next = timeout(TIMEOUT, receiver.recv()).await;
                events.push(next.expect("in time").expect("the socket stays open"));
            }
            let mut told = creations(&events);
            told.sort();
            assert_eq!(told, acknowledged);
        }
        drop(self.servers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_at_once_under_load_leaves_no_gap() {
    let cluster = PrivateCluster::start(Durability::Full);
    let database = cluster.create_database("restart");
    let load = UnderLoad::start(&database.app_url(), &database.owner_url()).await;
    for _ in 0..2 {
        sleep(Duration::from_secs(1)).await;
        cluster.stop_immediate();
        cluster.start_again();
    }
    sleep(Duration::from_secs(1)).await;
    load.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_synchronous_standby_has_every_acknowledged_write_and_leaves_no_gap() {
    let cluster = PrivateCluster::start(Durability::Full);
    let database = cluster.create_database("promotion");
    let standby = Standby::of(&cluster);
    standby.make_synchronous();
    let copy = standby.database(&database);
    let app = either(&database.app_url(), &copy.app_url());
    let owner = either(&database.owner_url(), &copy.owner_url());
    let load = UnderLoad::start(&app, &owner).await;
    sleep(Duration::from_secs(1)).await;
    cluster.stop_immediate();
    standby.promote();
    sleep(Duration::from_secs(1)).await;
    load.finish().await;
}
