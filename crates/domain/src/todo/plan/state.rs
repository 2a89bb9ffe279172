//! What a plan is decided against.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::TodoId;
use crate::sync::cursor::Position;
use crate::sync::history::Epochs;
use crate::time::Stamp;
use crate::todo::user_row::{OldTombstone, UserRow};
use crate::todo::{Todo, TodoNumber};

/// The data of one user that a store loads under that user's lock to decide a batch.
#[derive(Clone, Debug)]
pub struct UserState {
    pub(super) position: Position,
    pub(super) totals: Totals,
    pub(super) todos: HashMap<TodoId, Arc<Todo>>,
    /// In descending order.
    pub(super) numbers: Vec<TodoNumber>,
    /// Latest first.
    oldest: Vec<OldTombstone>,
}

/// How much of each kind a user has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub live: u32,
    pub tombstones: u32,
    pub bytes: u64,
}

impl UserState {
    /// - `epochs`: the database's epochs.
    /// - `todos`: the existing todos among those that the batch names.
    /// - `numbers`: fresh ones, at least as many as [`Batch::possible_creations`].
    /// - `oldest`: the user's tombstones with the earliest stamps, as many as
    ///   [`UserRow::sweep_candidates`], or all if there are fewer.
    ///
    /// [`Batch::possible_creations`]: super::super::Batch::possible_creations
    #[must_use]
    pub fn new(
        row: UserRow,
        epochs: Arc<Epochs>,
        todos: impl IntoIterator<Item = Todo>,
        mut numbers: Vec<TodoNumber>,
        mut oldest: Vec<OldTombstone>,
    ) -> Self {
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        oldest.sort_unstable_by_key(|tombstone| std::cmp::Reverse(tombstone.stamp));
        let todos = todos.into_iter().map(|todo| (todo.id(), Arc::new(todo))).collect();
        let UserRow { clock, horizon, live, tombstones, stored_bytes: bytes, digest, history } = row;
        let position = Position { clock, horizon, digest, history, epochs };
        Self { position, totals: Totals { live, tombstones, bytes }, todos, numbers, oldest }
    }

    /// The user's row as it is now.
    #[must_use]
    pub fn row(&self) -> UserRow {
        let Position { clock, horizon, digest, ref history, .. } = self.position;
        let Totals { live, tombstones, bytes: stored_bytes } = self.totals;
        UserRow { clock, horizon, live, tombstones, stored_bytes, digest, history: history.clone() }
    }

    /// Begins an epoch for this user alone.
    pub(super) fn begin_epoch(&mut self) {
        self.position.history.begin(&self.position.epochs, self.position.clock);
    }

    /// Stores a todo, and returns whether it is new.
    pub(super) fn put(&mut self, todo: Arc<Todo>) -> bool {
        let added = todo.digest();
        let before = self.todos.insert(todo.id(), todo);
        let removed = before.as_ref().map(|todo| todo.digest()).unwrap_or_default();
        self.position.digest = self.position.digest - removed + added;
        before.is_none()
    }

    /// Advances the clock to that of the last change.
    pub(super) fn advance(&mut self, clock: Stamp) {
        let Position { history, epochs, clock: before, .. } = &mut self.position;
        history.enter_current(epochs, *before);
        *before = clock;
    }

    /// Removes the oldest tombstones, `sweep` at a time, while there are more than `limit`. Those
    /// of the batch that is being decided stay.
    pub(super) fn sweep(&mut self, limit: u32, sweep: u32) -> Vec<TodoId> {
        let mut swept = Vec::new();
        while self.totals.tombstones > limit {
            let before = swept.len();
            for _ in 0..sweep.max(1) {
                let Some(id) = self.remove_oldest() else { break };
                swept.push(id);
            }
            if swept.len() == before {
                break;
            }
        }
        swept
    }

    fn remove_oldest(&mut self) -> Option<TodoId> {
        loop {
            let OldTombstone { id, stamp, bytes } = self.oldest.pop()?;
            let changed = self.todos.get(&id).is_some_and(|todo| todo.updated_at() != stamp);
            if !changed {
                self.todos.remove(&id);
                self.position.horizon = self.position.horizon.max(stamp);
                self.totals.tombstones = self.totals.tombstones.saturating_sub(1);
                self.totals.bytes = self.totals.bytes.saturating_sub(bytes);
                return Some(id);
            }
        }
    }
}
