//! A device that holds what its sockets told it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use actix_http::ws::{Codec, Frame};
use actix_web::web::BytesMut;
use domain::session::Principal;
use domain::sync::{Position, SyncService};
use domain::todo::{Changes, Todo, TodoStore as _};
use domain::{Stamp, UserId};
use domain_testkit::MemoryStore;
use domain_testkit::build::T0;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::Value;
use tokio_util::codec::Decoder as _;

use super::super::{Source, Tasks};
use crate::realtime::Hub;
use crate::realtime::outgoing::{OutgoingBody, outgoing};

/// A page that some replays exceed.
const PAGE: u32 = 20;

pub struct Device {
    user: UserId,
    held: BTreeMap<String, Held>,
    /// The device holds every change up to this stamp. `None` before its first sync.
    cursor: Option<Stamp>,
    socket: Option<Socket>,
    /// How often it had to sync from the beginning, apart from the first time.
    pub resyncs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    version: i64,
    stamp: Stamp,
    deleted: bool,
}

struct Socket {
    work: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
    frames: OutgoingBody,
    /// The stamp of the last message: the next one is later.
    last: Option<Stamp>,
    must_sync: bool,
}

/// Whether the socket's task has to be polled. A task that nothing wakes waits for ever here, as it does in
/// the server.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Device {
    pub const fn new(user: UserId) -> Self {
        Self { user, held: BTreeMap::new(), cursor: None, socket: None, resyncs: 0 }
    }

    pub fn disconnect(&mut self) {
        self.socket = None;
    }

    /// Opens a socket if there is none.
    pub fn connect(&mut self, hub: &Arc<Hub>, sync: &SyncService) {
        if self.socket.is_some() {
            return;
        }
        let (out, frames) = outgoing(None, Duration::from_secs(10), None);
        let (hub, sync, user, since) = (hub.clone(), sync.clone(), self.user, self.cursor);
        let principal = Principal {
            user,
            subject: user.to_string(),
            session: None,
            expires_at: T0.plus(Duration::from_hours(1)),
            scopes: Vec::new(),
        };
        let subscription = hub.subscribe(&principal);
        let work = Box::pin(async move {
            let source = Source { sync: &sync, user, memory: hub.memory(), page: PAGE };
            let mailbox = subscription.mailbox();
            let tasks = Tasks { hub: &hub, source, mailbox, out: &out, cursor: Stamp::MIN.into() };
            let Err(_end) = tasks.notify(since).await;
        });
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.socket = Some(Socket { work, woken, frames, last: since, must_sync: since.is_none() });
    }

    /// Runs the socket's task while there is something to do.
    pub fn work(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        let waker = Waker::from(socket.woken.clone());
        while socket.woken.0.swap(false, Ordering::Relaxed) {
            if socket.work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                // What was not read is lost.
                self.socket = None;
                return;
            }
        }
    }

    /// Reads up to `limit` messages, and returns how many there were.
    pub fn read(&mut self, limit: usize, store: &MemoryStore) -> usize {
        let mut count = 0;
        while count < limit
            && let Some(message) = self.next_message()
        {
            self.hear(&message, store);
            count += 1;
        }
        self.assert_no_gap(store);
        count
    }

    fn next_message(&mut self) -> Option<Value> {
        let frames = &mut self.socket.as_mut()?.frames;
        let Poll::Ready(Some(Ok(bytes))) = frames.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
        else {
            return None;
        };
        let frame = Codec::new().client_mode().decode(&mut BytesMut::from(bytes)).expect("a frame");
        let Some(Frame::Text(text)) = frame else { panic!("{frame:?} is no text") };
        Some(serde_json::from_slice(&text).expect("JSON"))
    }

    fn hear(&mut self, message: &Value, store: &MemoryStore) {
        let socket = self.socket.as_mut().expect("a message comes from a socket");
        let stamp = |value: &Value| value.as_str().expect("text").parse::<Stamp>().expect("a stamp");
        match message["type"].as_str().expect("a type") {
            "resync_required" => socket.must_sync = true,
            "ready" => {
                let ready = stamp(&message["sync_timestamp"]);
                assert!(socket.must_sync || socket.last.is_none_or(|last| last <= ready), "{message}");
                socket.last = Some(ready);
                if std::mem::take(&mut socket.must_sync) {
                    self.sync(ready, store);
                }
                self.cursor = self.cursor.max(Some(ready));
            }
            kind => {
                let deleted = kind == "todo_deleted";
                let changed = &message["todo"];
                let (id, todo) =
                    if deleted { (&message["todo_id"], message) } else { (&changed["id"], changed) };
                let stamp = stamp(&todo["updated_at"]);
                assert!(!socket.must_sync, "`ready` comes after `resync_required`: {message}");
                assert!(socket.last < Some(stamp), "each change comes once and in order: {message}");
                socket.last = Some(stamp);
                let held = Held { version: todo["version"].as_i64().expect("a version"), stamp, deleted };
                // What a sync has shown since is newer, even if it no longer shows the todo.
                if self.cursor < Some(stamp) {
                    self.held.insert(id.as_str().expect("an id").to_owned(), held);
                    self.cursor = Some(stamp);
                }
            }
        }
    }

    /// Reads everything from the store.
    fn sync(&mut self, ready: Stamp, store: &MemoryStore) {
        self.resyncs += usize::from(self.cursor.is_some());
        let (stored, position) = everything(self.user, store);
        assert!(ready <= position.clock);
        self.held = stored;
        self.cursor = Some(position.clock);
    }

    /// The device holds every change up to its cursor.
    fn assert_no_gap(&self, store: &MemoryStore) {
        let Some(cursor) = self.cursor else { return };
        let (stored, position) = everything(self.user, store);
        for (id, todo) in stored.iter().filter(|(_, todo)| todo.stamp <= cursor) {
            assert_eq!(self.held.get(id), Some(todo), "{id} at {cursor}");
        }
        if cursor >= position.horizon {
            for (id, held) in self.held.iter().filter(|(_, held)| !held.deleted) {
                assert!(stored.contains_key(id), "the deletion of {id} was missed: {held:?} at {cursor}");
            }
        }
    }

    /// The device holds everything.
    pub fn assert_complete(&self, store: &MemoryStore) {
        self.assert_no_gap(store);
        assert_eq!(self.cursor, Some(everything(self.user, store).1.clock), "the last change was told");
    }
}

/// What the store holds, tombstones included, and the user's position.
fn everything(user: UserId, store: &MemoryStore) -> (BTreeMap<String, Held>, Position) {
    let read = store.changes(user, None, true, 100_000).now_or_never().expect("at once");
    let Changes { todos, position, .. } = read.expect("read").expect("the user exists");
    let held = |todo: Todo| {
        let held = Held { version: todo.version(), stamp: todo.updated_at(), deleted: todo.deleted() };
        (todo.id().0.to_string(), held)
    };
    (todos.into_iter().map(held).collect(), position)
}
