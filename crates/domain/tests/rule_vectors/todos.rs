//! The todos that the cases begin with.

use domain::todo::{StoredTodo, Todo, Versions};
use domain::{Stamp, TodoId};
use uuid::Uuid;

pub const CREATED: Stamp = at(8);
/// The stamp of every todo.
pub const UPDATED: Stamp = at(10);
/// The server's time, unless a case says otherwise.
pub const NOW: Stamp = at(12);

/// The hour of the day on which everything happens.
pub const fn at(hour: i64) -> Stamp {
    const MIDNIGHT: i64 = 1_767_916_800_000_000;
    Stamp::from_micros(MIDNIGHT + hour * 3_600_000_000).expect("between the years 1 and 9999")
}

pub const ID: TodoId = TodoId(Uuid::from_u128(1));

/// A todo that was created at version 1 as "milk" and changed since.
struct Milk {
    version: i64,
    row: StoredTodo,
}

impl Milk {
    fn new() -> Self {
        let row = StoredTodo {
            id: ID,
            number: 1,
            title: Some("milk".to_owned()),
            description: None,
            completed_at: None,
            created_at: CREATED,
            updated_at: UPDATED,
            deleted_at: None,
            client_id: None,
            versions: Versions::FIRST,
            metadata: None,
            metadata_versions: None,
        };
        Self { version: 1, row }
    }

    fn change(mut self, change: impl FnOnce(&mut StoredTodo, i64)) -> Self {
        self.version += 1;
        self.row.versions.version = self.version;
        change(&mut self.row, self.version);
        self
    }

    fn text(self, text: &str) -> Self {
        self.change(|row, version| {
            row.title = Some(text.to_owned());
            row.versions.title = version;
        })
    }

    fn description(self, text: &str) -> Self {
        self.change(|row, version| {
            row.description = Some(text.to_owned());
            row.versions.description = version;
        })
    }

    fn completed(self) -> Self {
        self.change(|row, version| {
            row.completed_at = Some(at(9));
            row.versions.completed = version;
        })
    }

    fn deleted(self, deleted: bool) -> Self {
        self.change(|row, version| {
            row.deleted_at = deleted.then_some(UPDATED);
            row.versions.deleted = version;
        })
    }

    /// Sets or removes a key.
    fn metadata(self, key: &str, value: Option<&str>) -> Self {
        self.change(|row, version| {
            if let Some(value) = value {
                row.metadata.get_or_insert_default().extend([key, "\t", value, "\n"]);
            }
            row.metadata_versions.get_or_insert_default().extend([key, "\t", &version.to_string(), "\n"]);
        })
    }

    /// Forgets which keys were removed at this version.
    fn floor(self) -> Self {
        self.change(|row, version| {
            row.metadata_versions.get_or_insert_default().extend(["\t", &version.to_string(), "\n"]);
        })
    }

    fn shrunk(mut self) -> Self {
        let row = &mut self.row;
        (row.title, row.description) = (None, None);
        (row.metadata, row.metadata_versions) = (None, None);
        self
    }

    fn todo(self) -> Todo {
        Todo::from_stored(self.row).expect("a valid row")
    }
}

/// Each todo, with the changes that led to it.
pub fn all() -> Vec<(&'static str, Todo)> {
    let due = |value| Milk::new().metadata("due", value);
    let states = [
        ("created", Milk::new()),
        ("text changed", Milk::new().text("oat milk")),
        ("description set, then completed", Milk::new().description("two").completed()),
        ("due set", due(Some("\"2026-01-10\""))),
        ("due removed, then list set", due(None).metadata("list", Some("1"))),
        ("removed keys forgotten", Milk::new().floor().completed()),
        ("deleted", Milk::new().deleted(true)),
        ("text changed, then deleted", Milk::new().text("oat milk").deleted(true)),
        ("deleted, then restored", Milk::new().deleted(true).deleted(false)),
        ("deleted, then text changed", Milk::new().deleted(true).text("oat milk")),
        ("deleted and shrunk", Milk::new().deleted(true).shrunk()),
        ("deleted, completed and shrunk", Milk::new().deleted(true).completed().shrunk()),
    ];
    states.into_iter().map(|(name, milk)| (name, milk.todo())).collect()
}

/// A todo as it was created, but for keys that were set and removed, and are no longer remembered.
pub fn with_forgotten_keys() -> Todo {
    Milk::new().floor().todo()
}

/// A todo with as many keys, or nearly as many bytes of metadata, as are allowed.
pub fn full_of_metadata(keys: usize, value: &str) -> Todo {
    (0..keys).fold(Milk::new(), |milk, n| milk.metadata(&format!("{n:02}"), Some(value))).todo()
}
