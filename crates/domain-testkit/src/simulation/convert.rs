//! The devices' messages in the terms of the domain.

use domain::todo::{Action, Base, Change, Edit, Field, MetadataKey, MetadataValue, Upsert};

use super::values::{Key, Value, deletes};
use super::wire::Upload;
use crate::build;

/// The change that an upload asks for.
#[must_use]
pub fn change(upload: &Upload, client_id: &str) -> Change {
    let values = upload.fields.iter().map(|(key, held)| (*key, held.value));
    let deleted = upload.fields.contains_key(&Key::Deleted).then(|| deletes(&upload.fields));
    let action = Action::Upsert(Upsert {
        edit: edit(values),
        deleted,
        updated_at: Some(upload.updated_at).filter(|_| !upload.healing),
        healing: upload.healing,
        ..Upsert::default()
    });
    let base = upload.version.map_or(Base::Unknown, Base::Version);
    Change { id: upload.id, base, action, client_id: Some(build::client(client_id)) }
}

/// The edit that gives fields these values. `deleted` is no part of it.
#[must_use]
pub fn edit(values: impl IntoIterator<Item = (Key, Value)>) -> Edit {
    let mut edit = Edit::default();
    for (key, value) in values {
        match key {
            Key::Text => edit.title = value.text().as_deref().map(build::title),
            Key::Description => edit.description = Some(value.text().as_deref().map(build::description)),
            Key::Completed => edit.completed = Some(value.is_true()),
            Key::Metadata(_) => {
                let name = key.metadata().expect("a metadata key");
                let name = MetadataKey::parse(name).expect("a key");
                let json = value.text().map(|text| format!("\"{text}\""));
                edit.metadata
                    .insert(name, json.map(|json| MetadataValue::from_canonical(&json).expect("a value")));
            }
            Key::Deleted => {}
        }
    }
    edit
}

/// The keys of the domain's fields.
#[must_use]
pub fn keys(fields: &[Field]) -> Vec<Key> {
    let key = |field: &Field| match field {
        Field::Title => Key::Text,
        Field::Description => Key::Description,
        Field::Completed => Key::Completed,
        Field::Deleted => Key::Deleted,
        Field::Metadata(key) => Key::of_metadata(key.as_str()),
    };
    fields.iter().map(key).collect()
}
