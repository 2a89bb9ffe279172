//! What devices and server say to each other: the sync of the HTTP API in its own terms, so that the same devices can talk to the
//! domain in process and to a server far away.

use std::future::Future;

use domain::sync::SyncTimestamp;
use domain::todo::{Description, Strategy, Todo};
use domain::{Stamp, TodoId};

/// A server that the devices of one user sync with.
///
/// Where its answers do not tell two changes of one todo apart, no device may keep a
/// [`journal`](super::habits::Habits::journal).
pub trait Server {
    /// One exchange. [`Lost`] leaves open whether it took place.
    fn sync(&mut self, request: &Request) -> impl Future<Output = Result<Reply, Lost>>;
}

/// No answer came.
#[derive(Clone, Copy, Debug)]
pub struct Lost;

/// What a device sends.
#[derive(Clone, Debug)]
pub struct Request {
    /// The `sync_timestamp` of the last answer.
    pub last_sync: Option<SyncTimestamp>,
    pub epoch: Option<String>,
    /// What decides about stale changes.
    pub strategy: Strategy,
    /// The device's name.
    pub client_id: String,
    /// The most changes it wants back.
    pub limit: u32,
    /// What it changed, in order.
    pub todos: Vec<Upload>,
}

/// One todo sent.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Which.
    pub id: TodoId,
    /// The version it was changed against.
    pub version: Option<i64>,
    /// The fields it names.
    pub fields: Fields,
    /// When, by the device's clock.
    pub updated_at: Stamp,
}

/// What a device is told.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The exchange took place.
    Done(Answer),
    /// The cursor can't be continued; nothing was written.
    ResyncRequired,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// One for each todo sent, in order.
    pub verdicts: Vec<Verdict>,
    /// What changed after the device's cursor, without what it knows by having sent it.
    pub changes: Vec<Row>,
    /// Whether there is more.
    pub has_more: bool,
    /// Up to where the device now knows everything.
    pub sync_timestamp: SyncTimestamp,
    /// The history of the database.
    pub epoch: String,
}

/// What became of one todo sent.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is accepted, and this is its version now; 0 where there is nothing to store.
    Applied(i64),
    /// It is refused in favour of the server's.
    Conflict {
        /// The server's todo.
        server: Row,
        /// Whether the strategy decided for the server's todo.
        server_wins: bool,
    },
    /// It can't be applied at all.
    Rejected,
}

/// A todo's fields as far as they are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The title.
    pub text: Option<String>,
    /// The description; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// Whether it is done.
    pub completed: Option<bool>,
    /// Whether it is a tombstone.
    pub deleted: Option<bool>,
}

impl Fields {
    /// Takes over what `later` names.
    pub fn add(&mut self, later: Self) {
        self.text = later.text.or_else(|| self.text.take());
        self.description = later.description.or_else(|| self.description.take());
        self.completed = later.completed.or(self.completed);
        self.deleted = later.deleted.or(self.deleted);
    }

    /// The named values in the order of [`domain::todo::Field::ALL`], comparable with [`Row::values`].
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

/// A todo as the server shows it and a device keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub id: TodoId,
    /// The title.
    pub text: String,
    /// The description.
    pub description: Option<String>,
    /// Whether it is done.
    pub completed: bool,
    /// Whether it is a tombstone.
    pub deleted: bool,
    /// Its version.
    pub version: i64,
    /// Its stamp. A device does not learn it for what it sent itself.
    pub updated_at: Option<Stamp>,
}

impl Row {
    /// A todo of which nothing is known yet.
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

    /// The same with the values that `fields` names.
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

    /// All of it as named values.
    #[must_use]
    pub fn fields(&self) -> Fields {
        Fields {
            text: Some(self.text.clone()),
            description: Some(self.description.clone()),
            completed: Some(self.completed),
            deleted: Some(self.deleted),
        }
    }

    /// The values in the order of [`domain::todo::Field::ALL`].
    #[must_use]
    pub fn values(&self) -> [String; 4] {
        self.fields().values().map(Option::unwrap_or_default)
    }

    /// Whether `other` is the same todo at the same version with the same values.
    #[must_use]
    pub fn says(&self, other: &Self) -> bool {
        Self { updated_at: None, ..self.clone() } == Self { updated_at: None, ..other.clone() }
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
