//! What a client asks to change.

use super::{Description, Title, Todo};
use crate::ids::TodoId;
use crate::sync::Cursor;
use crate::text::ClientId;
use crate::time::Stamp;

/// What decides about a change whose base is not the current version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// It is refused, with the server's todo shown.
    #[default]
    Manual,
    /// Fields that nobody else changed are applied; a field changed on both sides makes the whole todo a conflict; an
    /// edit beats a deletion that did not know of it.
    Merge,
    /// The later of the client's and the server's `updated_at` stays.
    LastWriteWins,
    /// It is applied.
    ClientWins,
}

/// The version a change was made against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Whatever is current: the client asks for no check.
    Current,
    /// The client did not say: everything may have changed since.
    Unknown,
    /// This version. Below 1 or above the current one it is a conflict under every strategy.
    Version(i64),
}

/// New values for some fields; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new title.
    pub title: Option<Title>,
    /// The new description; `Some(None)` clears it.
    pub description: Option<Option<Description>>,
    /// Whether it is done.
    pub completed: Option<bool>,
}

/// The content of a todo to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTodo {
    /// What is to do.
    pub title: Title,
    /// Notes to it.
    pub description: Option<Description>,
    /// Whether it is done already.
    pub completed: bool,
    /// When it was created elsewhere; one in the future counts as now.
    pub created_at: Option<Stamp>,
}

/// A todo as a device sends it in a sync: an edit, a deletion, a restoration or, for an id the server does not know, a
/// creation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upsert {
    /// The fields it names.
    pub edit: Edit,
    /// `true` deletes, `false` restores.
    pub deleted: Option<bool>,
    /// When it was created, where this creates it.
    pub created_at: Option<Stamp>,
    /// When the device changed it, by the device's clock.
    pub updated_at: Option<Stamp>,
    /// Whether the device holds something else than this, such as white space around the title.
    pub normalised: bool,
}

impl Upsert {
    /// Whether a device that sent this holds `todo` as it is, if it has every value that is named here.
    #[must_use]
    pub fn is_verbatim(&self, todo: &Todo) -> bool {
        // JavaScript's Date cuts instants to milliseconds.
        let to_millis = |at: Stamp| at.as_micros().div_euclid(1000);
        let created_at = |at| to_millis(at) == to_millis(todo.created_at());
        !self.normalised && self.created_at.is_none_or(created_at)
    }
}

/// What is to be done to one todo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates it. The same id with the same content again changes nothing.
    Create(NewTodo),
    /// Changes some fields of a live todo.
    Edit(Edit),
    /// Turns a live todo's `completed` over.
    Toggle,
    /// Makes it a tombstone; a tombstone stays one.
    Delete,
    /// Makes a tombstone live; a live one stays so.
    Restore,
    /// What a sync sends.
    Upsert(Upsert),
}

/// One change of one todo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which todo.
    pub id: TodoId,
    /// The version it was made against.
    pub base: Base,
    /// What is to be done.
    pub action: Action,
    /// The device that asks.
    pub client_id: Option<ClientId>,
}

/// Changes of one user that are decided and written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// In the order in which they apply; the same id may stand in it again, on top of what came before.
    pub changes: Vec<Change>,
    /// What decides about stale changes.
    pub strategy: Strategy,
    /// Whether one change that can't be applied refuses them all.
    pub all_or_nothing: bool,
    /// Where the device's knowledge ends: when it can't be continued, nothing is written.
    pub cursor: Option<Cursor>,
    /// The most live todos the user may have.
    pub quota: u32,
}

impl Batch {
    /// How many todos it may create at most: as many fresh numbers a store has to offer to the plan.
    #[must_use]
    pub fn possible_creations(&self) -> usize {
        self.changes
            .iter()
            .filter(|change| match &change.action {
                Action::Create(_) => true,
                Action::Upsert(upsert) => upsert.edit.title.is_some() && upsert.deleted != Some(true),
                Action::Edit(_) | Action::Toggle | Action::Delete | Action::Restore => false,
            })
            .count()
    }

    /// The todos it names, each once, in ascending order.
    #[must_use]
    pub fn ids(&self) -> Vec<TodoId> {
        let mut ids: Vec<_> = self.changes.iter().map(|change| change.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn batch(changes: Vec<(u128, Action)>) -> Batch {
        let change = |(id, action)| Change {
            id: TodoId(Uuid::from_u128(id)),
            base: Base::Unknown,
            action,
            client_id: None,
        };
        Batch {
            changes: changes.into_iter().map(change).collect(),
            strategy: Strategy::Manual,
            all_or_nothing: false,
            cursor: None,
            quota: 0,
        }
    }

    fn upsert(title: Option<&str>, deleted: Option<bool>) -> Action {
        let title = title.map(|title| Title::parse(title).expect("a title"));
        Action::Upsert(Upsert { edit: Edit { title, ..Edit::default() }, deleted, ..Upsert::default() })
    }

    #[test]
    fn only_what_has_a_title_and_is_not_deleted_may_be_a_creation() {
        let new = NewTodo {
            title: Title::parse("milk").expect("a title"),
            description: None,
            completed: false,
            created_at: None,
        };
        for (action, creations) in [
            (Action::Create(new), 1),
            (upsert(Some("milk"), None), 1),
            (upsert(Some("milk"), Some(false)), 1),
            (upsert(Some("milk"), Some(true)), 0),
            (upsert(None, Some(false)), 0),
            (Action::Edit(Edit::default()), 0),
            (Action::Toggle, 0),
            (Action::Delete, 0),
            (Action::Restore, 0),
        ] {
            assert_eq!(batch(vec![(1, action.clone())]).possible_creations(), creations, "{action:?}");
        }
    }

    #[test]
    fn each_id_is_named_once_and_in_order() {
        let batch = batch(vec![(3, Action::Delete), (1, Action::Toggle), (3, Action::Restore)]);
        assert_eq!(batch.ids(), [1, 3].map(|id| TodoId(Uuid::from_u128(id))));
    }
}
