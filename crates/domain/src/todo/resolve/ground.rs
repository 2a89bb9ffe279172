//! What a change is decided on, besides the todo: what its batch did before, and what its device has seen.

use crate::sync::Cursor;
use crate::time::Stamp;
use crate::todo::{Base, Change, Strategy, Todo};

/// Where the batch found the todo that an earlier change of it has altered since, so that the same id twice in one
/// request is the second change on top of the first.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// The last version that others made, 0 where the batch created the todo: every later one is the batch's own.
    version: i64,
    /// The stamp of that version.
    updated_at: Option<Stamp>,
    /// The base that the creating change named, whatever it meant.
    named: Option<i64>,
}

impl Own {
    /// As the batch's first accepted change of the todo finds it.
    pub fn found(change: &Change, current: Option<&Todo>) -> Self {
        Self {
            version: current.map_or(0, Todo::version),
            updated_at: current.map(Todo::updated_at),
            named: if let (Base::Version(version), None) = (change.base, current) {
                Some(version)
            } else {
                None
            },
        }
    }
}

/// What is constant while one change is resolved.
pub struct Ground<'a> {
    pub strategy: Strategy,
    pub stamp: Stamp,
    pub now: Stamp,
    pub own: Option<&'a Own>,
    /// What the device has seen everything up to; `None` where it did not say.
    pub cursor: Option<&'a Cursor>,
    pub quota_left: bool,
    pub quota: u32,
}

impl Ground<'_> {
    /// The last version of `todo` that anybody but this batch made.
    pub fn others_version(&self, todo: &Todo) -> i64 {
        self.own.map_or(todo.version(), |own| own.version)
    }

    /// When they made it.
    pub fn others_stamp(&self, todo: &Todo) -> Stamp {
        self.own.and_then(|own| own.updated_at).unwrap_or(todo.updated_at)
    }

    /// Whether the device has seen the last version of `todo` that it did not make in this batch. It names that version too when it
    /// starts from the beginning with changes it could not send before, and then holds nothing else of the todo.
    pub fn has_seen(&self, todo: &Todo) -> bool {
        let created = self.own.is_some_and(|own| own.updated_at.is_none());
        created || self.cursor.is_none_or(|cursor| cursor.since >= Some(self.others_stamp(todo)))
    }
}

/// The version the change was made against; 0 where the client did not say, `None` where it asks for no check. The base
/// under which this batch created the todo stands for its beginning.
pub fn effective_base(base: Base, ground: &Ground<'_>) -> Option<i64> {
    match base {
        Base::Current => None,
        Base::Unknown => Some(0),
        Base::Version(version) if ground.own.is_some_and(|own| own.named == Some(version)) => Some(0),
        Base::Version(version) => Some(version),
    }
}

/// Whether nobody but this batch changed the todo since `base`.
pub fn is_current(todo: &Todo, base: Option<i64>, ground: &Ground<'_>) -> bool {
    base.is_none_or(|base| (ground.others_version(todo)..=todo.version()).contains(&base))
}
