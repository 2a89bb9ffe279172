//! One todo in the request of a device.

use std::cell::Cell;

use domain::Stamp;
use domain::text::{ClientId, TextError};
use domain::todo::{Action, Base, Change, Description, Edit, Title, Upsert};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::super::items::read;
use crate::extract::{Entries, Int, Member, Text, Validation};
use crate::wire::{
    as_is, client_id, completed_schema, flag_schema, metadata, metadata_edit_schema, timestamp, todo_id,
};

/// A todo that the device created, changed, deleted or restored. Absent members remain unchanged. An invalid todo
/// is `rejected` without affecting the others.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"id": "550e8400-e29b-41d4-a716-446655440000", "completed": true, "version": 2}))]
pub struct SyncTodo<'a> {
    /// The todo's id, chosen by the device that creates it.
    #[serde(default, borrow)]
    #[schema(value_type = Uuid, required = true)]
    id: Member<Text<'a>>,
    /// What is to be done. Required for a new todo. In a deletion, an empty text is as good as none.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 500)]
    text: Member<Text<'a>>,
    #[serde(default, borrow)]
    #[schema(ignore)]
    title: Member<Text<'a>>,
    /// Notes; null removes them.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Member<Text<'a>>,
    #[serde(default)]
    #[schema(schema_with = completed_schema, required = false)]
    completed: Member<bool>,
    #[serde(default, borrow)]
    #[schema(schema_with = metadata_edit_schema, required = false)]
    metadata: Member<Entries<'a>>,
    #[serde(default)]
    #[schema(schema_with = deleted, required = false)]
    deleted: Member<bool>,
    /// Deletes the todo if `deleted` is absent.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Member<Text<'a>>,
    /// The version on which the change is based. Without it, any state of the server conflicts.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    version: Member<Int>,
    /// When the device changed the todo, by its own clock. Required for `last_write_wins`.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Member<Text<'a>>,
    /// When the todo was created. A time in the future counts as now.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Member<Text<'a>>,
    /// When a new todo was completed, if it is completed. A time in the future counts as now.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Member<Text<'a>>,
    #[serde(default)]
    #[schema(schema_with = healing, required = false)]
    healing: Member<bool>,
    /// The device that changed the todo.
    #[serde(default, borrow)]
    #[schema(value_type = Option<String>, max_length = 100)]
    client_id: Member<Text<'a>>,
}

/// Parses one todo.
pub fn change(raw: &RawValue, device: Option<&ClientId>) -> Result<Change, Validation> {
    let mut validation = Validation::of_item();
    let Some(item) = read::<SyncTodo<'_>>(raw, &mut validation) else {
        return Err(validation);
    };
    let id = validation.required("id", item.id, todo_id);
    let deleted_at = validation.optional("deleted_at", item.deleted_at, timestamp::<Stamp>);
    let deleted = validation.optional("deleted", item.deleted, as_is).or(deleted_at.map(|_| true));
    let normalised = Cell::new(false);
    let title = |text: Text<'_>| match Title::parse(&text.0) {
        // A device may send a tombstone back as it was shown: without text, if it has shrunk.
        Err(TextError::Blank) if deleted == Some(true) => {
            normalised.set(true);
            Ok(None)
        }
        parsed => {
            let parsed = parsed?;
            normalised.set(normalised.get() || parsed.as_str() != text.0);
            Ok::<_, TextError>(Some(parsed))
        }
    };
    let description = |text: Text<'_>| {
        let parsed = Description::parse(&text.0)?;
        normalised.set(normalised.get() || parsed.as_str() != text.0);
        Ok::<_, TextError>(parsed)
    };
    let edit = Edit {
        title: validation.optional("text", item.text.or_if_null(item.title), title).flatten(),
        description: validation.clearable("description", item.description, description),
        completed: validation.optional("completed", item.completed, as_is),
        metadata: metadata(&mut validation, item.metadata),
    };
    let base = validation.optional("version", item.version, as_is);
    let updated_at = validation.optional("updated_at", item.updated_at, timestamp);
    let created_at = validation.optional("created_at", item.created_at, timestamp);
    let completed_at = validation.optional("completed_at", item.completed_at, timestamp);
    let healing = validation.optional("healing", item.healing, as_is).unwrap_or(false);
    let client_id = validation.optional("client_id", item.client_id, client_id);
    match id {
        Some(id) if validation.is_ok() => Ok(Change {
            id,
            base: base.map_or(Base::Unknown, |version| Base::Version(version.0)),
            action: Action::Upsert(Upsert {
                edit,
                deleted,
                created_at,
                completed_at,
                updated_at,
                normalised: normalised.get(),
                healing,
            }),
            client_id: client_id.or_else(|| device.cloned()),
        }),
        _ => Err(validation),
    }
}

fn deleted() -> Object {
    flag_schema("`true` deletes the todo, `false` restores it.")
}

fn healing() -> Object {
    flag_schema(
        "Whether the device gives back a todo that the server acknowledged and then lost, such as by the \
         restore of a backup. Send the whole todo, with `deleted` and `version` 0.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(item: &Value) -> Result<Upsert, String> {
        let raw = serde_json::value::to_raw_value(item).expect("JSON");
        match change(&raw, None) {
            Ok(Change { action: Action::Upsert(upsert), .. }) => Ok(upsert),
            Ok(other) => panic!("{other:?}"),
            Err(validation) => Err(validation.first().expect("an error").message.clone()),
        }
    }

    /// A tombstone without text as the server shows it, with other members.
    fn shown(more: &Value) -> Value {
        let mut shown = json!({
            "id": "550e8400-e29b-41d4-a716-446655440000", "text": "", "description": null, "completed": true,
            "completed_at": "2026-01-09T10:15:00.000000Z", "metadata": {}, "version": 3, "client_id": null,
            "created_at": "2026-01-09T10:15:00.000000Z", "updated_at": "2026-01-09T10:15:00.000001Z",
            "deleted_at": "2026-01-09T10:15:00.000001Z",
        });
        let members = shown.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        shown
    }

    #[test]
    fn a_deletion_may_name_no_text_as_a_tombstone_without_one_does() {
        for more in [
            json!({}),
            json!({"deleted": true}),
            json!({"deleted": null}),
            json!({"deleted": true, "deleted_at": null, "healing": true, "version": 0}),
            json!({"deleted": 1, "text": " \n", "title": "not read either"}),
        ] {
            let upsert = parse(&shown(&more)).expect("a deletion");
            assert_eq!((upsert.deleted, upsert.edit.title), (Some(true), None), "{more}");
            assert!(upsert.normalised, "the server's tombstone may still have a text: {more}");
        }
    }

    #[test]
    fn what_is_no_deletion_needs_a_text_and_a_deletion_a_valid_one() {
        for (more, error) in [
            (json!({"deleted": false}), "text must not be blank"),
            (json!({"deleted_at": null}), "text must not be blank"),
            (json!({"deleted_at": null, "healing": true}), "text must not be blank"),
            (json!({"text": "a\u{0}b"}), "text must not contain the control character U+0000"),
            (json!({"text": "x".repeat(501)}), "text must be at most 500 characters long; it has 501"),
        ] {
            assert_eq!(parse(&shown(&more)).err().as_deref(), Some(error), "{more}");
        }
    }
}
