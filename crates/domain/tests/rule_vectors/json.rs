//! The JSON of the vectors, in the words of the API.

use std::collections::BTreeMap;

use domain::Stamp;
use domain::todo::{Action, Base, Change, Edit, Field, MetadataEdit, Outcome, Rejection, Todo};
use serde_json::{Map, Value, json};

pub fn todo(todo: &Todo) -> Value {
    let metadata: Map<_, _> =
        todo.metadata().entries().map(|(key, value)| (key.to_string(), parsed(value.as_str()))).collect();
    let mut field_versions: BTreeMap<_, _> =
        Field::OWN.iter().map(|field| (name(field), todo.version_of(field))).collect();
    let keys = todo.metadata().entries().map(|(key, _)| key).chain(todo.metadata().removed());
    for key in keys.cloned().map(Field::Metadata) {
        field_versions.insert(name(&key), todo.version_of(&key));
    }
    json!({
        "text": todo.title().as_str(),
        "description": todo.description().map(AsRef::<str>::as_ref),
        "completed_at": todo.completed_at().map(time),
        "deleted_at": todo.deleted_at().map(time),
        "shrunk": todo.is_shrunk(),
        "metadata": metadata,
        "created_at": time(todo.created_at()),
        "updated_at": time(todo.updated_at()),
        "version": todo.version(),
        "field_versions": field_versions,
        "other_keys_version": todo.metadata().floor(),
    })
}

pub fn change(change: &Change) -> Value {
    let mut members = match &change.action {
        Action::Upsert(upsert) => {
            let mut members = edit(&upsert.edit);
            let mut add = |name: &str, value: Option<Value>| {
                members.extend(value.map(|value| (name.to_owned(), value)));
            };
            add("deleted", upsert.deleted.map(Value::from));
            add("created_at", upsert.created_at.map(time));
            add("completed_at", upsert.completed_at.map(time));
            add("updated_at", upsert.updated_at.map(time));
            add("healing", upsert.healing.then_some(Value::Bool(true)));
            members
        }
        Action::Create(new) => edit(&Edit {
            title: Some(new.title.clone()),
            description: Some(new.description.clone()),
            completed: Some(new.completed),
            metadata: new.metadata.clone(),
        }),
        Action::Edit(values) => edit(values),
        Action::Toggle | Action::Delete | Action::Restore => Map::new(),
    };
    let action = match change.action {
        Action::Upsert(_) => "sync",
        Action::Create(_) => "create",
        Action::Edit(_) => "edit",
        Action::Toggle => "toggle",
        Action::Delete => "delete",
        Action::Restore => "restore",
    };
    members.insert("action".to_owned(), action.into());
    if let Base::Version(version) = change.base {
        members.insert("version".to_owned(), version.into());
    }
    Value::Object(members)
}

pub fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Applied { todo: after, .. } => json!({"outcome": "applied", "todo": todo(after)}),
        Outcome::Unchanged { .. } => json!({"outcome": "in_place"}),
        Outcome::Conflict(conflict) => {
            let names = |fields: &[Field]| fields.iter().map(name).collect::<Vec<_>>();
            let mut members = json!({
                "outcome": "conflict",
                "fields": names(&conflict.fields),
                "resolved": conflict.server_wins.then_some("server"),
            });
            if let Some(part) = &conflict.applied {
                members["applied_fields"] = json!(names(&part.fields));
                members["todo"] = todo(&conflict.current);
            }
            members
        }
        Outcome::NotFound => json!({"outcome": "not_found"}),
        Outcome::TextGone => json!({"outcome": "text_gone"}),
        Outcome::IdInUse(_) => json!({"outcome": "id_in_use"}),
        Outcome::Rejected(rejection) => {
            let field = match rejection {
                Rejection::TitleRequired => "text",
                Rejection::UpdatedAtRequired => "updated_at",
                Rejection::Metadata(_) => "metadata",
                Rejection::Quota { .. } | Rejection::ByteQuota { .. } => panic!("quotas are not in the rule"),
            };
            json!({"outcome": "rejected", "field": field})
        }
    }
}

fn edit(edit: &Edit) -> Map<String, Value> {
    let mut members = Map::new();
    if let Some(title) = &edit.title {
        members.insert("text".to_owned(), title.as_str().into());
    }
    if let Some(description) = &edit.description {
        members.insert("description".to_owned(), json!(description.as_ref().map(AsRef::<str>::as_ref)));
    }
    if let Some(completed) = edit.completed {
        members.insert("completed".to_owned(), completed.into());
    }
    if !edit.metadata.is_empty() {
        members.insert("metadata".to_owned(), metadata(&edit.metadata));
    }
    members
}

fn metadata(edit: &MetadataEdit) -> Value {
    let value = |value: &Option<_>| value.as_ref().map_or(Value::Null, |value| parsed(AsRef::as_ref(value)));
    edit.iter().map(|(key, new)| (key.to_string(), value(new))).collect::<Map<_, _>>().into()
}

fn name(field: &Field) -> String {
    match field {
        Field::Title => "text".to_owned(),
        Field::Description => "description".to_owned(),
        Field::Completed => "completed".to_owned(),
        Field::Deleted => "deleted".to_owned(),
        Field::Metadata(key) => format!("metadata.{key}"),
    }
}

fn parsed(canonical: &str) -> Value {
    serde_json::from_str(canonical).expect("canonical JSON")
}

fn time(at: Stamp) -> Value {
    at.to_string().into()
}
