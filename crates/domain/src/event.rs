//! What is told to a user's open sockets.

use crate::ids::UserId;
use crate::todo::Todo;

/// What happened to a todo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It is new.
    Created,
    /// A field other than `deleted` changed.
    Updated,
    /// It became a tombstone.
    Deleted,
    /// It was a tombstone and is live again, perhaps edited in the same step.
    Restored,
}

/// One accepted change, with the whole todo as the change left it; `todo.updated_at()` is its stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TodoEvent {
    /// What happened.
    pub kind: EventKind,
    /// The todo after it.
    pub todo: Todo,
}

/// Takes events to the sockets. Stores call it; services and handlers never do.
///
/// A store MUST publish the events of a commit after that commit is durable, whether or not its caller still waits,
/// and the events of one user in stamp order. An implementation MUST NOT block.
pub trait EventBus: Send + Sync {
    /// Hands over the events of one commit, in stamp order.
    fn publish(&self, user: UserId, events: Vec<TodoEvent>);
}
