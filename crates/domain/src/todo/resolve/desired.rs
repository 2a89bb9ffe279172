//! The values that a change asks for.

use crate::text::ClientId;
use crate::time::Stamp;
use crate::todo::change::{Action, Edit};
use crate::todo::entity::Todo;
use crate::todo::field::Field;
use crate::todo::metadata::{MetadataEdit, MetadataValue};
use crate::todo::values::{Description, Title};

/// The values that a change wants fields to have; `None` for a field that it does not name.
#[derive(Default)]
pub(super) struct DesiredFields<'a> {
    pub title: Option<&'a Title>,
    pub description: Option<Option<&'a Description>>,
    pub completed: Option<bool>,
    pub deleted: Option<bool>,
    /// The keys that the change names; `None` if it names none.
    pub metadata: Option<&'a MetadataEdit>,
}

impl<'a> DesiredFields<'a> {
    pub fn of_edit(edit: &'a Edit) -> Self {
        Self {
            title: edit.title.as_ref(),
            description: edit.description.as_ref().map(Option::as_ref),
            completed: edit.completed,
            deleted: None,
            metadata: Some(&edit.metadata),
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
                metadata: Some(&new.metadata),
            },
            Action::Edit(edit) => Self::of_edit(edit),
            Action::Toggle => Self::default(),
            Action::Delete => Self { deleted: Some(true), ..Self::default() },
            Action::Restore => Self { deleted: Some(false), ..Self::default() },
            Action::Upsert(upsert) => Self { deleted: upsert.deleted, ..Self::of_edit(&upsert.edit) },
        }
    }

    /// The fields that the change names.
    pub fn named(&self) -> impl Iterator<Item = Field> {
        let own = Field::OWN.into_iter().filter(|field| self.names(field));
        let keys = self.metadata.into_iter().flat_map(|edit| edit.keys());
        own.chain(keys.cloned().map(Field::Metadata))
    }

    /// The values that the change names.
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let own = [
            self.title.map(|title| Value::Title(title.as_str())),
            self.description.map(|description| Value::Description(description.map(Description::as_str))),
            self.completed.map(Value::Completed),
            self.deleted.map(Value::Deleted),
        ];
        let metadata = self.metadata.into_iter().flatten();
        let metadata = metadata
            .map(|(key, value)| Value::Metadata(key.as_str(), value.as_ref().map(MetadataValue::as_str)));
        own.into_iter().flatten().chain(metadata)
    }

    /// Whether the change names `field`.
    pub fn names(&self, field: &Field) -> bool {
        match field {
            Field::Title => self.title.is_some(),
            Field::Description => self.description.is_some(),
            Field::Completed => self.completed.is_some(),
            Field::Deleted => self.deleted.is_some(),
            Field::Metadata(key) => self.metadata.is_some_and(|edit| edit.contains_key(key)),
        }
    }

    /// Whether the change names `field` with a value other than the one that `todo` has.
    pub fn differs(&self, todo: &Todo, field: &Field) -> bool {
        match field {
            Field::Title => self.title.is_some_and(|title| title != todo.title()),
            Field::Description => {
                self.description.is_some_and(|description| description != todo.description())
            }
            Field::Completed => self.completed.is_some_and(|completed| completed != todo.completed()),
            Field::Deleted => self.deleted.is_some_and(|deleted| deleted != todo.deleted()),
            Field::Metadata(key) => {
                let wanted = self.metadata.and_then(|edit| edit.get(key));
                wanted.is_some_and(|value| value.as_ref() != todo.metadata().get(key.as_str()))
            }
        }
    }

    /// The fields that the change would alter, in order.
    pub fn differing(&self, todo: &Todo) -> Vec<Field> {
        self.named().filter(|field| self.differs(todo, field)).collect()
    }

    /// The metadata keys of `todo` that the change does not name.
    pub fn unnamed_keys(&self, todo: &Todo) -> impl Iterator<Item = Field> {
        let is_named = |key| self.metadata.is_some_and(|edit| edit.contains_key(key));
        let keys = todo.metadata().entries().map(|(key, _)| key);
        keys.filter(move |key| !is_named(*key)).map(|key| Field::Metadata(key.clone()))
    }

    /// Whether the client named every field that `todo` has, so that it holds the whole todo.
    pub fn names_all(&self, todo: &Todo) -> bool {
        Field::OWN.iter().all(|field| self.names(field)) && self.unnamed_keys(todo).next().is_none()
    }

    /// `todo` with the desired values of `fields`, one version later. Each of `fields` differs from
    /// what `todo` has. `restoring` makes the todo live, whatever the change names.
    pub fn applied_to(
        &self,
        todo: &Todo,
        fields: &[Field],
        restoring: bool,
        client_id: Option<&ClientId>,
        stamp: Stamp,
    ) -> Todo {
        let mut after = todo.clone();
        let version = todo.version() + 1;
        after.versions.version = version;
        after.updated_at = stamp;
        after.client_id = client_id.cloned();
        for field in fields {
            match field {
                Field::Title => {
                    after.title = self.title.cloned();
                    after.versions.title = version;
                }
                Field::Description => {
                    after.description = self.description.flatten().cloned();
                    after.versions.description = version;
                }
                Field::Completed => {
                    after.completed_at = self.completed.and_then(|completed| completed.then_some(stamp));
                    after.versions.completed = version;
                }
                Field::Deleted => {
                    after.deleted_at = self.deleted.and_then(|deleted| deleted.then_some(stamp));
                    after.versions.deleted = version;
                }
                Field::Metadata(key) => {
                    let value = self.metadata.and_then(|edit| edit.get(key)).and_then(Option::as_ref);
                    after.metadata.set(key, value, version);
                }
            }
        }
        if restoring {
            after.deleted_at = None;
            after.versions.deleted = version;
        }
        after
    }
}

/// A field and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value<'a> {
    Title(&'a str),
    Description(Option<&'a str>),
    Completed(bool),
    Deleted(bool),
    Metadata(&'a str, Option<&'a str>),
}

impl<'a> Value<'a> {
    /// The value that `todo` has.
    pub fn of(todo: &'a Todo, field: &'a Field) -> Self {
        match field {
            Field::Title => Self::Title(todo.title().as_str()),
            Field::Description => Self::Description(todo.description().map(Description::as_str)),
            Field::Completed => Self::Completed(todo.completed()),
            Field::Deleted => Self::Deleted(todo.deleted()),
            Field::Metadata(key) => {
                let value = todo.metadata().get(key.as_str());
                Self::Metadata(key.as_str(), value.map(MetadataValue::as_str))
            }
        }
    }
}
