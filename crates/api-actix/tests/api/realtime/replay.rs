//! Replay of the changes since a cursor, and its handover to live events.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;

use api_actix::rfc3339::Rfc3339;
use async_trait::async_trait;
use domain::sync::{Epoch, Position};
use domain::todo::query::{Filter, ListKey, ListQuery};
use domain::todo::{Base, Batch, Change, Changes, Commit, Page, Todo, TodoEvent, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};
use domain_testkit::MemoryStore;
use domain_testkit::build::{T0, at, batch, create, delete, restore, retitle, todo_id};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::server::{Server, creations};
use crate::harness::Setup;

fn since(stamp: Stamp) -> String {
    format!("?since={}", Rfc3339(stamp))
}

/// Id, version and stamp of the todo in a message.
fn of_message(message: &Value) -> (String, i64, Stamp) {
    let deleted = message["type"] == "todo_deleted";
    let (id, facts) =
        if deleted { (&message["todo_id"], message) } else { (&message["todo"]["id"], &message["todo"]) };
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("a todo: {message}")).to_owned();
    let stamp = text(&facts["updated_at"]).parse().expect("a stamp");
    (text(id), facts["version"].as_i64().expect("a version"), stamp)
}

/// Id, version and stamp of the todo in an event.
fn of_event(event: &TodoEvent) -> (String, i64, Stamp) {
    (event.todo.id().0.to_string(), event.todo.version(), event.todo.updated_at())
}

#[actix_web::test]
async fn changes_since_the_cursor_are_replayed_once_in_order() {
    let server = Server::start();
    let user = server.user().await;
    let [old, edited, gone] = [todo_id(), todo_id(), todo_id()];
    server.commit(user.id, [create(old, "Old"), create(edited, "Edited"), create(gone, "Gone")]).await;
    let cursor = server.sync_clock(user.id).await;
    let fresh = todo_id();
    server
        .commit(user.id, [delete(gone), create(fresh, "Fresh"), retitle(edited, Base::Current, "Once")])
        .await;
    server.commit(user.id, [retitle(edited, Base::Current, "Twice")]).await;
    let end = server.sync_clock(user.id).await;

    let mut socket = server.open(&user, &since(cursor)).await;
    let deleted = socket.next().await;
    assert_eq!(
        deleted,
        json!({"type": "todo_deleted", "todo_id": gone.0, "version": 2, "updated_at": deleted["updated_at"]})
    );
    let created = socket.next().await;
    assert_eq!((&created["type"], &created["todo"]["id"]), (&json!("todo_created"), &json!(fresh.0)));
    let updated = socket.next().await;
    assert_eq!((&updated["type"], &updated["todo"]["text"]), (&json!("todo_updated"), &json!("Twice")));
    let ready =
        json!({"type": "ready", "sync_timestamp": Rfc3339(end), "epoch": server.epoch(user.id).await});
    assert_eq!(socket.next().await, ready);
    server.commit(user.id, [create(todo_id(), "Live")]).await;
    assert_eq!(socket.next().await["todo"]["text"], "Live");
}

#[actix_web::test]
async fn without_a_cursor_nothing_is_replayed() {
    let server = Server::start();
    let user = server.user().await;
    server.commit(user.id, creations(3)).await;
    let (mut socket, ready) = server.live(&user, "").await;
    assert_eq!(ready, Rfc3339(server.sync_clock(user.id).await).to_string());
    let (_, again) = server.live(&user, &format!("?since={ready}")).await;
    assert_eq!(again, ready);
    server.commit(user.id, [create(todo_id(), "Live")]).await;
    assert_eq!(socket.next().await["todo"]["text"], "Live");
}

#[actix_web::test]
async fn a_long_absence_is_replayed_in_full() {
    let server = Server::start();
    let user = server.user().await;
    let cursor = server.sync_clock(user.id).await;
    for _ in 0..7 {
        server.commit(user.id, creations(150)).await;
    }
    let mut socket = server.open(&user, &since(cursor)).await;
    for event in server.bus.so_far(user.id) {
        assert_eq!(of_message(&socket.next().await), of_event(&event));
    }
    assert_eq!(socket.next().await["type"], "ready");
}

#[actix_web::test]
async fn an_unusable_cursor_gets_resync_required_and_then_live_events() {
    let server = Server::start();
    let user = server.user().await;
    server.commit(user.id, creations(3)).await;
    let clock = server.sync_clock(user.id).await;
    // Ahead of the user's clock, and before the horizon, which starts at 1970.
    for cursor in [clock.next(), at(86_400), Stamp::from_micros(-1).expect("in 1969")] {
        let mut socket = server.open(&user, &since(cursor)).await;
        assert_eq!(socket.next().await, json!({"type": "resync_required"}), "{cursor:?}");
        let (clock, epoch) = (server.sync_clock(user.id).await, server.epoch(user.id).await);
        let ready = json!({"type": "ready", "sync_timestamp": Rfc3339(clock), "epoch": epoch});
        assert_eq!(socket.next().await, ready);
        server.commit(user.id, [create(todo_id(), "Live")]).await;
        assert_eq!(socket.next().await["todo"]["text"], "Live");
    }
}

#[actix_web::test]
async fn a_store_outage_closes_the_socket_with_1013() {
    let server = Server::start();
    let user = server.user().await;
    for query in [String::new(), since(T0)] {
        server.store.fail_next(1);
        let (messages, code) = server.open(&user, &query).await.rest().await;
        assert_eq!((messages.len(), &messages[0]["error_code"], code), (1, &json!("SERVER_001"), 1013));
    }
}

/// Blocks the result of each read until the test releases it.
struct GatedStore(Arc<MemoryStore>);

static RELEASED_READS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));
static WAITING_READS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));

#[async_trait]
impl TodoStore for GatedStore {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        self.0.commit(user, batch, now).await
    }

    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        self.0.get(user, id).await
    }

    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        self.0.get_by_number(user, number).await
    }

    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        self.0.list(user, query).await
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        let read = self.0.changes(user, since, include_deleted, limit).await;
        WAITING_READS.add_permits(1);
        RELEASED_READS.acquire().await.expect("never closed").forget();
        read
    }

    async fn newest_after(
        &self,
        user: UserId,
        filter: Filter,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Option<Vec<Todo>>, StoreError> {
        self.0.newest_after(user, filter, after, limit).await
    }

    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        self.0.position(user).await
    }

    async fn clocks(&self, users: &[UserId]) -> Result<Vec<(UserId, Stamp)>, StoreError> {
        self.0.clocks(users).await
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.0.epoch().await
    }

    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.0.belongs_to_another_user(user, id).await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.0.sweep_tombstones(before, limit).await
    }

    async fn shrink_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.0.shrink_tombstones(before, limit).await
    }
}

#[actix_web::test]
async fn events_that_overflow_the_mailbox_during_a_replay_are_read_from_the_store() {
    let server = Server::with(Setup { store: |store| Arc::new(GatedStore(store)), ..Setup::default() });
    let user = server.user().await;
    let cursor = server.sync_clock(user.id).await;
    server.commit(user.id, creations(2)).await;
    let mut socket = server.open(&user, &since(cursor)).await;
    WAITING_READS.acquire().await.expect("never closed").forget();
    // The first page is read and not yet sent. These events come after its snapshot, and more than a mailbox holds.
    for _ in 0..600 {
        server.commit(user.id, creations(1)).await;
    }
    RELEASED_READS.add_permits(1_000);
    let events = server.bus.so_far(user.id);
    assert_eq!(events.len(), 602);
    for event in events {
        assert_eq!(of_message(&socket.next().await), of_event(&event));
    }
    assert_eq!(socket.next().await["type"], "ready");
}

/// Seeded random numbers (xorshift), so that a failing round can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("less than the limit")
    }

    fn change(&mut self, ids: &[TodoId], n: usize) -> Change {
        let id = ids[self.below(ids.len())];
        match self.below(5) {
            0 => create(todo_id(), &format!("new {n}")),
            1 => delete(id),
            2 => restore(id),
            _ => retitle(id, Base::Current, &format!("title {n}")),
        }
    }
}

/// Holds for every interleaving of a connecting client and a writer.
#[actix_web::test]
async fn no_event_is_lost_or_repeated_between_replay_and_live() {
    let server = Server::start();
    for seed in 1..=60_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let user = server.user().await;
        let ids: Vec<_> = (0..20).map(|_| todo_id()).collect();
        server.commit(user.id, ids.iter().map(|id| create(*id, "first"))).await;
        let stamps: Vec<_> = server.bus.so_far(user.id).iter().map(|event| event.todo.updated_at()).collect();
        let cursor = stamps[random.below(stamps.len())];

        // A plain thread: stores publish from one.
        let (store, id) = (server.store.clone(), user.id);
        let pauses = random.below(4);
        let writer = std::thread::spawn(move || {
            for n in 0..150 {
                let changes: Vec<_> = (0..=random.below(4)).map(|_| random.change(&ids, n)).collect();
                let commit = store.commit(id, batch(changes), T0);
                futures_util::FutureExt::now_or_never(commit).expect("is ready at once").expect("is decided");
                // Without yielding: on a busy machine, each time would take as long as others compute.
                for _ in 0..pauses * 2_000 {
                    std::hint::spin_loop();
                }
            }
        });
        let mut socket = server.open(&user, &since(cursor)).await;
        let mut replayed = Vec::new();
        let ready = loop {
            let message = socket.next().await;
            if message["type"] == "ready" {
                break message["sync_timestamp"].as_str().expect("text").parse().expect("a stamp");
            }
            replayed.push(of_message(&message));
        };
        tokio::task::spawn_blocking(move || writer.join()).await.expect("runs").expect("the writer is done");
        let history: Vec<_> = server.bus.so_far(user.id).iter().map(of_event).collect();

        let (before, after): (Vec<_>, Vec<_>) =
            history.into_iter().partition(|(_, _, stamp)| *stamp <= ready);
        assert!(replayed.is_sorted_by(|a, b| a.2 < b.2), "seed {seed}: {replayed:?}");
        assert!(replayed.iter().all(|(_, _, stamp)| cursor < *stamp && *stamp <= ready), "seed {seed}");
        let latest: HashMap<_, _> =
            before.into_iter().map(|(id, version, stamp)| (id, (version, stamp))).collect();
        let learnt: HashMap<_, _> =
            replayed.into_iter().map(|(id, version, stamp)| (id, (version, stamp))).collect();
        for (id, (version, stamp)) in latest.iter().filter(|(_, (_, stamp))| *stamp > cursor) {
            assert_eq!(learnt.get(id), Some(&(*version, *stamp)), "seed {seed}");
        }
        for event in after {
            assert_eq!(of_message(&socket.next().await), event, "seed {seed}");
        }
    }
}
