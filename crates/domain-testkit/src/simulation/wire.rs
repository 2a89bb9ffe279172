//! The messages between devices and server: the sync of the HTTP API in neutral terms, so that the
//! same devices can talk to the domain in process and to a real server.

use std::future::Future;

use domain::sync::SyncTimestamp;
use domain::todo::{Description, Strategy, Todo};
use domain::{Stamp, TodoId};

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
    /// The time of the change by the device's clock.
    pub updated_at: Stamp,
}

/// The answer to a device.
#[derive(Clone, Debug)]
pub enum Reply {
    Done(Answer),
    /// The cursor can't be continued. Nothing was written.
    ResyncRequired,
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
}

/// The result of one upload.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Accepted, with the todo's version after the change; 0 if there was nothing to store.
    Applied(i64),
    /// Refused in favour of the server's todo.
    Conflict {
        server: Row,
        /// Whether the strategy decided for the server's todo.
        server_wins: bool,
    },
    Rejected,
}

/// Values for the fields that a change names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub text: Option<String>,
    /// `Some(None)` removes the description.
    pub description: Option<Option<String>>,
    pub completed: Option<bool>,
    pub deleted: Option<bool>,
}

impl Fields {
    /// Takes over the fields that `later` names.
    pub fn add(&mut self, later: Self) {
        self.text = later.text.or_else(|| self.text.take());
        self.description = later.description.or_else(|| self.description.take());
        self.completed = later.completed.or(self.completed);
        self.deleted = later.deleted.or(self.deleted);
    }

    /// Drops the fields that `others` names.
    pub fn remove(&mut self, others: &Self) {
        self.text = self.text.take().filter(|_| others.text.is_none());
        self.description = self.description.take().filter(|_| others.description.is_none());
        self.completed = self.completed.filter(|_| others.completed.is_none());
        self.deleted = self.deleted.filter(|_| others.deleted.is_none());
    }

    /// The named values in the order of [`domain::todo::Field::OWN`], comparable with
    /// [`Row::values`].
    #[must_use]
    pub fn values(&self) -> [Option<String>; 4] {
        [
            self.text.clone(),
            self.description.as_ref().map(|description| format!("{description:?}")),
            self.completed.map(|completed| completed.to_string()),
            self.deleted.map(|deleted| deleted.to_string()),
        ]
    }
}

/// A todo in the form in which the server shows it and a device stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: TodoId,
    pub text: String,
    pub description: Option<String>,
    pub completed: bool,
    pub deleted: bool,
    pub version: i64,
    /// The stamp. A device does not learn it for a change of its own.
    pub updated_at: Option<Stamp>,
}

impl Row {
    /// A todo that the device does not know yet.
    #[must_use]
    pub const fn unknown(id: TodoId) -> Self {
        Self {
            id,
            text: String::new(),
            description: None,
            completed: false,
            deleted: false,
            version: 0,
            updated_at: None,
        }
    }

    /// The same todo with the values that `fields` names.
    #[must_use]
    pub fn with(mut self, fields: &Fields) -> Self {
        if let Some(text) = &fields.text {
            self.text.clone_from(text);
        }
        if let Some(description) = &fields.description {
            self.description.clone_from(description);
        }
        self.completed = fields.completed.unwrap_or(self.completed);
        self.deleted = fields.deleted.unwrap_or(self.deleted);
        self
    }

    /// All fields.
    #[must_use]
    pub fn fields(&self) -> Fields {
        Fields {
            text: Some(self.text.clone()),
            description: Some(self.description.clone()),
            completed: Some(self.completed),
            deleted: Some(self.deleted),
        }
    }

    /// The values in the order of [`domain::todo::Field::OWN`].
    #[must_use]
    pub fn values(&self) -> [String; 4] {
        self.fields().values().map(Option::unwrap_or_default)
    }

    /// Whether `other` is the same todo at the same version with the same values, whatever the
    /// stamps. The values of a tombstone do not count: a deletion that names some of them is in place
    /// whatever the others are.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        let tombstones = self.deleted && other.deleted;
        (self.id, self.version) == (other.id, other.version)
            && (tombstones || self.fields() == other.fields())
    }
}

impl From<&Todo> for Row {
    fn from(todo: &Todo) -> Self {
        Self {
            id: todo.id(),
            text: todo.title().as_str().to_owned(),
            description: todo.description().map(Description::as_str).map(str::to_owned),
            completed: todo.completed(),
            deleted: todo.deleted(),
            version: todo.version(),
            updated_at: Some(todo.updated_at()),
        }
    }
}
