//! The messages between devices and server: the sync of the HTTP API in neutral terms, so that the
//! same devices can talk to the domain in process and to a real server.

use std::future::Future;

use domain::sync::SyncTimestamp;
use domain::todo::Strategy;
use domain::{Stamp, TodoId};

use super::values::{Fields, Key, Row};

/// A server that the devices of one user sync with.
///
/// If its answers do not distinguish two changes of one todo, no device may
/// [send each edit](super::profile::Profile::sends_each_edit).
pub trait Server {
    /// One exchange. After [`Lost`], the exchange may or may not have taken place.
    fn sync(&mut self, request: &Request) -> impl Future<Output = Result<Reply, Lost>>;
}

/// No answer came.
#[derive(Clone, Copy, Debug)]
pub struct Lost;

/// The request of a device.
#[derive(Clone, Debug)]
pub struct Request {
    /// The `sync_timestamp` of the last answer.
    pub last_sync: Option<SyncTimestamp>,
    pub epoch: Option<String>,
    pub strategy: Strategy,
    pub client_id: String,
    /// The maximum number of todos in the answer.
    pub limit: u32,
    /// Whether an answer from the beginning includes tombstones.
    pub include_deleted: bool,
    /// The device's changes, in order.
    pub todos: Vec<Upload>,
}

/// One todo sent.
#[derive(Clone, Debug)]
pub struct Upload {
    pub id: TodoId,
    /// The version that the change was made against.
    pub version: Option<i64>,
    pub fields: Fields,
    /// Whether the device gives back what the server lost.
    pub healing: bool,
    /// The time of the change by the device's clock.
    pub updated_at: Stamp,
    /// For the [ghosts](super::ghosts) only: whether a user's edit is in it, and not only what was
    /// acknowledged before.
    pub edited: bool,
    /// For the ghosts only: the stamp of the todo that the change was made against.
    pub seen_at: Stamp,
}

/// The answer to a device.
#[derive(Clone, Debug)]
pub enum Reply {
    Done(Answer),
    /// The cursor can't be continued. Nothing was written.
    Gone(Gone),
}

/// Why a cursor can't be continued.
#[derive(Clone, Debug)]
pub enum Gone {
    /// The cursor is older than the tombstones that the server keeps.
    Forgotten { epoch: String },
    /// The database lost what the device still holds.
    Restored {
        epoch: String,
        /// Up to here, the device's history and the server's are the same. `None` if the server
        /// does not know the device's history.
        to: Option<Stamp>,
        horizon: Stamp,
    },
}

/// The result of an exchange.
#[derive(Clone, Debug)]
pub struct Answer {
    /// One for each todo sent, in order.
    pub verdicts: Vec<Verdict>,
    /// The todos that changed after the cursor, without those that equal what the device sent.
    pub changes: Vec<Row>,
    pub has_more: bool,
    /// The position up to which the device now knows everything.
    pub sync_timestamp: SyncTimestamp,
    pub epoch: String,
    /// The digest of the user's live todos. `None` if there are more pages.
    pub digest: Option<u64>,
}

/// The result of one upload.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Accepted, with the todo's version and stamp after the change; `None` if there was nothing to
    /// store.
    Applied(Option<(i64, Stamp)>),
    /// Refused, at least in part, in favour of the server's todo.
    Conflict {
        server: Row,
        /// The fields in conflict.
        fields: Vec<Key>,
        /// Whether the strategy decided for the server's todo.
        server_wins: bool,
    },
    Rejected,
}
