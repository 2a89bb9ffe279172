//! The values that a change asks for.

use crate::text::ClientId;
use crate::time::Stamp;
use crate::todo::change::{Action, Edit};
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

    /// The values that an action names by itself. A toggle names none, because its value depends on
    /// the todo.
    pub fn of_action(action: &'a Action) -> Self {
        match action {
            Action::Create(new) => Self {
                title: Some(&new.title),
                description: Some(new.description.as_ref()),
                completed: Some(new.completed),
                deleted: None,
            },
            Action::Edit(edit) => Self::of_edit(edit),
            Action::Toggle => Self::default(),
            Action::Delete => Self { deleted: Some(true), ..Self::default() },
            Action::Restore => Self { deleted: Some(false), ..Self::default() },
            Action::Upsert(upsert) => Self { deleted: upsert.deleted, ..Self::of_edit(&upsert.edit) },
        }
    }

    /// Whether the change names `field`.
    pub const fn names(&self, field: Field) -> bool {
        match field {
            Field::Title => self.title.is_some(),
            Field::Description => self.description.is_some(),
            Field::Completed => self.completed.is_some(),
            Field::Deleted => self.deleted.is_some(),
        }
    }

    /// The part of the change that concerns `fields`.
    pub fn only(&self, fields: &[Field]) -> Self {
        let named = |field| fields.contains(&field);
        Self {
            title: self.title.filter(|_| named(Field::Title)),
            description: self.description.filter(|_| named(Field::Description)),
            completed: self.completed.filter(|_| named(Field::Completed)),
            deleted: self.deleted.filter(|_| named(Field::Deleted)),
        }
    }

    /// Whether the change names `field` with a value other than the one that `todo` has.
    pub fn differs(&self, todo: &Todo, field: Field) -> bool {
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
    pub fn names_all(&self) -> bool {
        Field::ALL.into_iter().all(|field| self.names(field))
    }

    /// `todo` with the desired values, one version later. `restoring` makes it live, whatever the
    /// change names.
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
