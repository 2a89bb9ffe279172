//! The outcome of a change.

use std::collections::HashMap;
use std::sync::Arc;

use super::entity::Todo;
use super::event::EventKind;
use super::field::Field;
use super::metadata::MetadataError;
use super::strategy::Strategy;
use crate::ids::TodoId;
use crate::sync::cursor::Position;

/// What was decided about a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// An outcome for each change, in the batch's order.
    pub outcomes: Vec<Outcome>,
    /// The user's position after the batch, if the device that sent it then has everything: the batch's
    /// cursor was at the user's clock, and the device holds all that the batch wrote.
    pub up_to_date: Option<Position>,
}

impl From<Vec<Outcome>> for Decided {
    fn from(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes, up_to_date: None }
    }
}

/// The outcome of one change. Each change has exactly one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The change is accepted.
    Applied {
        /// The todo after the change.
        todo: Arc<Todo>,
        event: EventKind,
        /// Whether the client, given what it sent, already holds the whole todo and needs no copy.
        client_is_current: bool,
    },
    /// The effect of the change was already in place.
    Unchanged {
        /// `None` if the change deletes a todo that the server does not have.
        todo: Option<Arc<Todo>>,
        /// As in [`Outcome::Applied`].
        client_is_current: bool,
    },
    /// The change is refused in favour of the server's todo.
    Conflict(Conflict),
    /// There is no such todo, or only its tombstone.
    NotFound,
    /// The change restores a tombstone whose text is no longer stored.
    TextGone,
    /// The change creates a todo under an id that already has other content: that of this todo.
    IdInUse(Arc<Todo>),
    /// The change can't be applied, regardless of the versions.
    Rejected(Rejection),
}

impl Outcome {
    /// What the change altered: the todo after it, and what happened to the todo.
    #[must_use]
    pub fn written(&self) -> Option<(&Arc<Todo>, EventKind)> {
        match self {
            Self::Applied { todo, event, .. } => Some((todo, *event)),
            Self::Conflict(Conflict { current, applied: Some(part), .. }) => Some((current, part.event)),
            _ => None,
        }
    }

    /// Whether what the change asks for is in place now.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        matches!(self, Self::Applied { .. } | Self::Unchanged { .. })
    }

    /// The version of each todo that a device holds because it sent it; `None` for a todo that the
    /// device does not hold completely.
    #[must_use]
    pub(crate) fn held_by_sending(outcomes: &[Self]) -> HashMap<TodoId, Option<i64>> {
        let mut all = HashMap::new();
        for outcome in outcomes {
            match outcome {
                Self::Applied { todo, client_is_current, .. }
                | Self::Unchanged { todo: Some(todo), client_is_current } => {
                    let version = all.entry(todo.id()).or_insert(Some(todo.version()));
                    *version = version.and(client_is_current.then_some(todo.version()));
                }
                Self::Conflict(conflict) => {
                    all.insert(conflict.current.id(), None);
                }
                Self::Unchanged { todo: None, .. }
                | Self::NotFound
                | Self::TextGone
                | Self::IdInUse(_)
                | Self::Rejected(_) => {}
            }
        }
        all
    }
}

/// A change that was refused because the todo changed after the version that the change was made
/// against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The server's todo.
    pub current: Arc<Todo>,
    /// The version that the client named.
    pub base: Option<i64>,
    /// The fields in conflict: those that the change names with a value other than the server's.
    /// Under [`Strategy::Merge`], only those of them that both sides changed.
    pub fields: Vec<Field>,
    /// The part of the change that [`Strategy::Merge`] applied despite the conflict. `current`
    /// includes it.
    pub applied: Option<AppliedPart>,
    pub strategy: Strategy,
    /// Whether the strategy decided for the server's todo. If not, the client has to decide.
    pub server_wins: bool,
}

/// The part of a change that was applied although other fields of it are in conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedPart {
    pub fields: Vec<Field>,
    pub event: EventKind,
}

/// Why a change can't be applied, regardless of the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The user already has `limit` live todos.
    Quota { limit: u32 },
    /// The change adds text, and the user's todos would then take more than `limit` bytes.
    ByteQuota { limit: u64 },
    /// The change would create a todo without a title, or restore a tombstone whose title is no
    /// longer stored.
    TitleRequired,
    /// [`Strategy::LastWriteWins`] needs the client's `updated_at`.
    UpdatedAtRequired,
    /// The todo would have more metadata than allowed.
    Metadata(MetadataError),
}
