//! The values that a change asks for, and the todo that has them.

use crate::text::ClientId;
use crate::time::Stamp;
use crate::todo::{Description, Edit, Field, Title, Todo};

/// The values a change wants fields to have.
pub struct Wanted<'a> {
    pub title: Option<&'a Title>,
    pub description: Option<Option<&'a Description>>,
    pub completed: Option<bool>,
    pub deleted: Option<bool>,
}

impl<'a> Wanted<'a> {
    pub fn of_edit(edit: &'a Edit) -> Self {
        Self {
            title: edit.title.as_ref(),
            description: edit.description.as_ref().map(Option::as_ref),
            completed: edit.completed,
            deleted: None,
        }
    }

    pub const fn only(completed: Option<bool>, deleted: Option<bool>) -> Self {
        Self { title: None, description: None, completed, deleted }
    }

    /// Whether `field` is named with another value than `todo` has.
    pub fn differs(&self, todo: &Todo, field: Field) -> bool {
        match field {
            Field::Title => self.title.is_some_and(|title| *title != todo.title),
            Field::Description => {
                self.description.is_some_and(|description| description != todo.description.as_ref())
            }
            Field::Completed => self.completed.is_some_and(|completed| completed != todo.completed()),
            Field::Deleted => self.deleted.is_some_and(|deleted| deleted != todo.deleted()),
        }
    }

    pub fn differing(&self, todo: &Todo) -> Vec<Field> {
        Field::ALL.into_iter().filter(|field| self.differs(todo, *field)).collect()
    }

    /// Whether whoever sent this holds every field of the todo, and so the whole of it.
    pub const fn names_all(&self) -> bool {
        self.title.is_some()
            && self.description.is_some()
            && self.completed.is_some()
            && self.deleted.is_some()
    }
}

/// `todo` with the wanted values, one version later.
pub fn edited(
    todo: &Todo,
    wanted: &Wanted<'_>,
    client_id: Option<&ClientId>,
    restoring: bool,
    stamp: Stamp,
) -> Todo {
    let mut after = todo.clone();
    let version = todo.versions.version + 1;
    after.versions.version = version;
    after.updated_at = stamp;
    after.client_id = client_id.cloned();
    if let Some(title) = wanted.title.filter(|_| wanted.differs(todo, Field::Title)) {
        after.title = title.clone();
        after.versions.title = version;
    }
    if let Some(description) = wanted.description.filter(|_| wanted.differs(todo, Field::Description)) {
        after.description = description.cloned();
        after.versions.description = version;
    }
    if let Some(completed) = wanted.completed.filter(|_| wanted.differs(todo, Field::Completed)) {
        after.completed_at = completed.then_some(stamp);
        after.versions.completed = version;
    }
    let deleted = if restoring { false } else { wanted.deleted.unwrap_or(todo.deleted()) };
    if deleted != todo.deleted() {
        after.deleted_at = deleted.then_some(stamp);
        after.versions.deleted = version;
    }
    after
}
