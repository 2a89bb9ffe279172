//! The values that a change asks for.

use crate::text::ClientId;
use crate::time::Stamp;
use crate::todo::change::Edit;
use crate::todo::entity::Todo;
use crate::todo::field::Field;
use crate::todo::values::{Description, Title};

/// The values that a change wants fields to have; `None` for a field that it does not name.
#[derive(Default)]
pub(super) struct DesiredFields<'a> {
    pub title: Option<&'a Title>,
    pub description: Option<Option<&'a Description>>,
    pub completed: Option<bool>,
    pub deleted: Option<bool>,
}

impl<'a> DesiredFields<'a> {
    pub fn of_edit(edit: &'a Edit) -> Self {
        Self {
            title: edit.title.as_ref(),
            description: edit.description.as_ref().map(Option::as_ref),
            completed: edit.completed,
            deleted: None,
        }
    }

    /// Whether the change names `field` with a value other than the one that `todo` has.
    fn differs(&self, todo: &Todo, field: Field) -> bool {
        match field {
            Field::Title => self.title.is_some_and(|title| title != todo.title()),
            Field::Description => {
                self.description.is_some_and(|description| description != todo.description())
            }
            Field::Completed => self.completed.is_some_and(|completed| completed != todo.completed()),
            Field::Deleted => self.deleted.is_some_and(|deleted| deleted != todo.deleted()),
        }
    }

    /// The fields that the change would alter.
    pub fn differing(&self, todo: &Todo) -> Vec<Field> {
        Field::ALL.into_iter().filter(|field| self.differs(todo, *field)).collect()
    }

    /// Whether the client named every field, so that it holds the whole todo.
    pub const fn names_all(&self) -> bool {
        self.title.is_some()
            && self.description.is_some()
            && self.completed.is_some()
            && self.deleted.is_some()
    }

    /// `todo` with the desired values, one version later. `restoring` makes it live whatever the
    /// change says.
    pub fn applied_to(
        &self,
        todo: &Todo,
        client_id: Option<&ClientId>,
        restoring: bool,
        stamp: Stamp,
    ) -> Todo {
        let mut after = todo.clone();
        let version = todo.version() + 1;
        after.versions.version = version;
        after.updated_at = stamp;
        after.client_id = client_id.cloned();
        if let Some(title) = self.title.filter(|title| *title != todo.title()) {
            after.title = title.clone();
            after.versions.title = version;
        }
        if let Some(description) = self.description.filter(|description| *description != todo.description()) {
            after.description = description.cloned();
            after.versions.description = version;
        }
        if let Some(completed) = self.completed.filter(|completed| *completed != todo.completed()) {
            after.completed_at = completed.then_some(stamp);
            after.versions.completed = version;
        }
        let deleted = if restoring { false } else { self.deleted.unwrap_or(todo.deleted()) };
        if deleted != todo.deleted() {
            after.deleted_at = deleted.then_some(stamp);
            after.versions.deleted = version;
        }
        after
    }
}
