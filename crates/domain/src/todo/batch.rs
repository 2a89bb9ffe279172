//! Changes that are decided and written together.

use super::change::{Action, Change};
use super::limits::StorageLimits;
use super::strategy::Strategy;
use crate::ids::TodoId;
use crate::sync::cursor::Cursor;

/// Changes of one user that are decided and written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// In the order in which they apply. An id may occur again: the later change is decided on top
    /// of the earlier one.
    pub changes: Vec<Change>,
    pub strategy: Strategy,
    /// The position up to which the device knows the user's todos. If the cursor can't be
    /// continued, nothing is written.
    pub cursor: Option<Cursor>,
    pub limits: StorageLimits,
}

impl Batch {
    /// The maximum number of todos that the batch can create. A store provides the plan with that
    /// many fresh numbers.
    #[must_use]
    pub fn possible_creations(&self) -> usize {
        self.changes
            .iter()
            .filter(|change| match &change.action {
                Action::Create(_) => true,
                Action::Upsert(upsert) if upsert.deleted == Some(true) => upsert.healing,
                Action::Upsert(upsert) => upsert.edit.title.is_some(),
                Action::Edit(_) | Action::Toggle | Action::Delete | Action::Restore => false,
            })
            .count()
    }

    /// The maximum number of tombstones that the batch can add.
    #[must_use]
    pub fn possible_deletions(&self) -> usize {
        let deletes = |change: &&Change| match &change.action {
            Action::Delete => true,
            Action::Upsert(upsert) => upsert.deleted == Some(true),
            Action::Create(_) | Action::Edit(_) | Action::Toggle | Action::Restore => false,
        };
        self.changes.iter().filter(deletes).count()
    }

    /// The size of the texts and metadata in the changes, in bytes of UTF-8.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.changes.iter().map(Change::text_bytes).sum()
    }

    /// The todos that the batch names, each once, in ascending order.
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
    use crate::todo::change::{Base, Edit, NewTodo, Upsert};
    use crate::todo::values::{Description, Title};

    fn batch(changes: Vec<(u128, Action)>) -> Batch {
        let change = |(id, action)| Change::new(TodoId(Uuid::from_u128(id)), Base::Unknown, action);
        Batch {
            changes: changes.into_iter().map(change).collect(),
            strategy: Strategy::Manual,
            cursor: None,
            limits: StorageLimits::default(),
        }
    }

    fn upsert(title: Option<&str>, deleted: Option<bool>) -> Action {
        let title = title.map(|title| Title::parse(title).expect("a title"));
        Action::Upsert(Upsert { edit: Edit { title, ..Edit::default() }, deleted, ..Upsert::default() })
    }

    #[test]
    fn a_batch_tells_how_many_todos_and_tombstones_it_may_add() {
        let new = NewTodo::new(Title::parse("milk").expect("a title"));
        let healing = |deleted| Action::Upsert(Upsert { deleted, healing: true, ..Upsert::default() });
        for (action, creations, deletions) in [
            (Action::Create(new), 1, 0),
            (upsert(Some("milk"), None), 1, 0),
            (upsert(Some("milk"), Some(false)), 1, 0),
            (upsert(Some("milk"), Some(true)), 0, 1),
            (upsert(None, Some(false)), 0, 0),
            (healing(Some(true)), 1, 1),
            (healing(None), 0, 0),
            (Action::Edit(Edit::default()), 0, 0),
            (Action::Toggle, 0, 0),
            (Action::Delete, 0, 1),
            (Action::Restore, 0, 0),
        ] {
            let batch = batch(vec![(1, action.clone())]);
            let possible = (batch.possible_creations(), batch.possible_deletions());
            assert_eq!(possible, (creations, deletions), "{action:?}");
        }
    }

    #[test]
    fn the_size_of_a_batch_is_that_of_its_texts() {
        let new = NewTodo {
            description: Some(Description::parse("fünf").expect("a description")),
            ..NewTodo::new(Title::parse("milk").expect("a title"))
        };
        let changes = vec![(1, Action::Create(new)), (2, upsert(Some("eggs"), None)), (3, Action::Delete)];
        assert_eq!(batch(changes).text_bytes(), 4 + 5 + 4);
    }

    #[test]
    fn each_id_is_listed_once_and_in_order() {
        let batch = batch(vec![(3, Action::Delete), (1, Action::Toggle), (3, Action::Restore)]);
        assert_eq!(batch.ids(), [1, 3].map(|id| TodoId(Uuid::from_u128(id))));
    }
}
