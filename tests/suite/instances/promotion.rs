//! A standby that was behind is promoted under load: devices give back what the database lost, and
//! sockets report all of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Server, Socket};
use postgres_testbed::{Durability, PrivateCluster, Standby};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::events::stamp;
use crate::failover::either;
use crate::support::{add, everything, id, items, text};
use crate::sync::devices::Devices;

/// So few that a device reads them all at once.
const TODOS_OF_A_WRITER: usize = 300;

/// Creates a todo, and tries until that is acknowledged.
async fn create(client: &Client, id: &str) {
    let body = json!({"id": id, "text": format!("todo {id}")});
    loop {
        let sent = client.request(Method::POST, "/api/v1/todos").json(&body).send().await;
        if sent.is_ok_and(|answer| [200, 201].contains(&answer.status().as_u16())) {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn create_many(client: Client, first: usize, stop: Arc<AtomicBool>) {
    for n in first..first + TODOS_OF_A_WRITER {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        create(&client, &id(n)).await;
        sleep(Duration::from_millis(30)).await;
    }
}

/// A socket in a task of its own, which pings all the time.
struct Told(mpsc::UnboundedReceiver<Value>);

impl Told {
    async fn start(server: &Server, token: &str) -> Self {
        let (mut socket, _) = Socket::ready(&server.socket_url(), token, "").await;
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                socket.send(r#"{"type": "ping"}"#).await;
                let mut pong = false;
                while !pong {
                    let message = socket.next().await;
                    // An instance without a database says so.
                    pong = ["pong", "error"].contains(&text(&message["type"]));
                    if sender.send(message).is_err() {
                        return;
                    }
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        Self(receiver)
    }

    /// Receives until the last event about each todo that is `expected` has its stamp, and a pong
    /// names the second timeline. The socket has also told of todos that were lost and that no
    /// device held. If it says that it cannot tell what is before the promotion, its client syncs,
    /// and only later todos are expected.
    async fn comes_to(&mut self, expected: &BTreeMap<String, String>) {
        let mut stamps = BTreeMap::<String, String>::new();
        let [mut last, mut synced, mut epoch] = [const { String::new() }; 3];
        let complete = async {
            let missing = |stamps: &BTreeMap<String, String>, synced: &String| {
                expected.iter().any(|(id, at)| at > synced && stamps.get(id) != Some(at))
            };
            while missing(&stamps, &synced) || !epoch.ends_with("-00000002") {
                let message = self.0.recv().await.expect("the socket stays open");
                match text(&message["type"]) {
                    "pong" => text(&message["epoch"]).clone_into(&mut epoch),
                    "error" | "resync_required" => {}
                    "ready" => text(&message["sync_timestamp"]).clone_into(&mut synced),
                    _ => {
                        let at = stamp(&message).to_owned();
                        assert!(last < at, "once and in order: {last} {message}");
                        stamps.insert(text(&message["todo"]["id"]).to_owned(), at.clone());
                        last = at;
                    }
                }
            }
        };
        let complete = timeout(TIMEOUT, complete).await.is_ok();
        assert!(complete, "told {stamps:#?} in {epoch}, expected {expected:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_heal_a_promoted_standby_that_was_behind_and_sockets_stay_open_and_tell_all_of_it() {
    let cluster = PrivateCluster::start(Durability::Full);
    let database = cluster.create_database("behind");
    let standby = Standby::of(&cluster);
    let copy = standby.database(&database);
    let app = either(&database.app_url(), &copy.app_url());
    let owner = either(&database.owner_url(), &copy.owner_url());
    let settings = [("DATABASE_EPOCH", "timeline"), ("DATABASE_TIMEOUT_MS", "1000")];
    let servers =
        [Server::start_on(&app, &owner, &settings).await, Server::start_on(&app, &owner, &settings).await];
    let (ann, _) = servers[0].client().register("ann@example.com").await;
    let clients = servers.each_ref().map(|server| server.client().with_token(ann.token()));
    let mut devices = Devices::start().await;
    for (name, server) in ["phone", "laptop"].into_iter().zip(&servers) {
        devices.connect(name, server, ann.token()).await;
        devices.sync(name).await;
    }
    let mut sockets = Vec::new();
    for server in &servers {
        sockets.push(Told::start(server, ann.token()).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers = [(0, &clients[0]), (1, &clients[1])]
        .map(|(n, client)| tokio::spawn(create_many(client.clone(), n * 100_000, Arc::clone(&stop))));
    add(&clients[0], "kept").await;
    standby.catch_up();
    standby.disconnect();
    add(&clients[1], "lost").await;
    devices.sync("phone").await;
    let held = devices.state("phone").await["todos"].take();
    let held = held.as_object().expect("todos by id");
    assert!(held.values().any(|todo| todo["text"] == "lost"), "{held:?}");
    devices.edit("laptop", &id(900_000), json!({"text": "written meanwhile"})).await;

    cluster.stop_immediate();
    standby.promote();
    for (n, client) in clients.iter().enumerate() {
        create(client, &id(800_000 + n)).await;
    }
    for name in ["phone", "laptop"] {
        devices.sync(name).await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("it ends");
    }
    for name in ["phone", "laptop"] {
        devices.sync(name).await;
    }
    let healed = devices.expect_equal(&["phone", "laptop"], &servers[0], ann.token()).await;
    for (id, todo) in held {
        assert_eq!(healed[id]["text"], todo["text"], "what the phone held is there again");
    }
    assert_eq!(healed[id(900_000)]["text"], "written meanwhile");
    assert_eq!(devices.state("phone").await["events"], json!(["restored"]));

    let stored = everything(&clients[0]).await;
    let expected = items(&stored)
        .iter()
        .map(|todo| (text(&todo["id"]).to_owned(), text(&todo["updated_at"]).to_owned()))
        .collect();
    for socket in &mut sockets {
        socket.comes_to(&expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_listens_learns_that_a_promotion_lost_what_it_was_told() {
    let cluster = PrivateCluster::start(Durability::Full);
    let database = cluster.create_database("listening");
    let standby = Standby::of(&cluster);
    let copy = standby.database(&database);
    let (app, owner) =
        (either(&database.app_url(), &copy.app_url()), either(&database.owner_url(), &copy.owner_url()));
    let server = Server::start_on(&app, &owner, &[("DATABASE_TIMEOUT_MS", "1000")]).await;
    let ann = server.client().new_user().await;
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    let kept = add(&ann, "kept").await;
    assert_eq!(socket.next().await["todo"], kept);
    standby.catch_up();
    standby.disconnect();
    let lost = add(&ann, "lost").await;
    assert_eq!(socket.next().await["todo"], lost);
    cluster.stop_immediate();
    standby.promote();

    // Nothing is written, and the client sends nothing.
    assert_eq!(socket.next().await, json!({"type": "resync_required"}));
    let ready = socket.next().await;
    assert_eq!((&ready["type"], &ready["sync_timestamp"]), (&json!("ready"), &kept["updated_at"]));
    create(&ann, &id(1)).await;
    assert_eq!(socket.next().await["todo"]["id"], id(1));
}
