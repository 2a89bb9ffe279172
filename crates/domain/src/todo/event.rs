//! Events about todos, and the port that delivers them to open sockets.

use std::sync::Arc;

use super::entity::Todo;
use crate::ids::UserId;
use crate::time::Stamp;

/// What an accepted change did to a todo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    Created,
    /// A field other than `deleted` changed.
    Updated,
    /// The todo became a tombstone, or a tombstone was edited.
    Deleted,
    /// A tombstone became live again, perhaps edited in the same step.
    Restored,
}

/// One accepted change, with the whole todo after the change; `todo.updated_at()` is its stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TodoEvent {
    pub kind: EventKind,
    pub todo: Arc<Todo>,
}

/// The events of one batch, and where they follow on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEvents {
    /// The user's clock before the batch. No other change lies between this stamp and the events.
    pub previous: Stamp,
    /// In stamp order.
    pub events: Vec<TodoEvent>,
}

/// Learns what a store has committed. Only stores publish; services and handlers never do.
///
/// A store MUST publish each batch that changed todos after its transaction is durable, whether or
/// not the caller still waits. It publishes the batches of one user in stamp order, as far as they
/// go through this store. A process that dies after a commit publishes nothing, so a receiver MUST
/// find what it missed by `previous` or by [`TodoStore::clocks`](super::TodoStore::clocks). An
/// implementation MUST NOT block.
pub trait EventBus: Send + Sync {
    /// Publishes the events of one batch, in stamp order. `previous` is the user's clock before
    /// that batch.
    fn publish(&self, user: UserId, previous: Stamp, events: Vec<TodoEvent>);
}
