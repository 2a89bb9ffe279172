//! Events about todos, and the port that delivers them to open sockets.

use std::sync::Arc;

use super::entity::Todo;
use crate::ids::UserId;

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

/// Delivers events to the user's open sockets. Only stores publish; services and handlers never do.
///
/// A store MUST publish the events of a commit after the commit is durable, whether or not the
/// caller still waits. It MUST publish the events of one user in stamp order. An implementation
/// MUST NOT block.
pub trait EventBus: Send + Sync {
    /// Publishes the events of one commit, in stamp order.
    fn publish(&self, user: UserId, events: Vec<TodoEvent>);
}
