//! A todo of a list that is imported.
//!
//! Browsers kept todos in many forms, and delete their list once the import has been answered. What can be
//! kept is therefore kept: what is too long for a text becomes the description, and a description
//! lends its first line to a todo without a text.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::ids::{ForeignId, ForeignKey};
use domain::secret::SecretSource;
use domain::text::is_visible;
use domain::todo::{Fitted, NewTodo};
use domain::{Stamp, TodoId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type};

use super::super::input::{Creation, any_id, todo_id};
use crate::extract::{Entries, Member, Text, TextOrNumber, Validation};
use crate::wire::{any_time, as_is, client_id, flag_schema, metadata, metadata_edit_schema};

/// The members of one todo.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Item<'a> {
    #[serde(borrow)]
    id: Member<TextOrNumber<'a>>,
    #[serde(borrow)]
    text: Member<Text<'a>>,
    #[serde(borrow)]
    title: Member<Text<'a>>,
    #[serde(borrow)]
    description: Member<Text<'a>>,
    completed: Member<bool>,
    #[serde(borrow)]
    metadata: Member<Entries<'a>>,
    #[serde(borrow)]
    client_id: Member<Text<'a>>,
    #[serde(borrow)]
    created_at: Member<TextOrNumber<'a>>,
    #[serde(borrow, rename = "createdAt")]
    created_at_in_camel_case: Member<TextOrNumber<'a>>,
    #[serde(borrow)]
    completed_at: Member<TextOrNumber<'a>>,
    #[serde(borrow, rename = "completedAt")]
    completed_at_in_camel_case: Member<TextOrNumber<'a>>,
}

/// A todo of a list. A time may be an RFC 3339 timestamp, one without an offset (UTC), the text of a JavaScript
/// `Date`, or milliseconds since 1970. `title`, `createdAt` and `completedAt` are aliases.
#[derive(ToSchema)]
#[schema(as = TodoImport, example = json!({"id": 1, "text": "Buy milk", "created_at": 1_767_953_700_000_i64}))]
#[expect(dead_code, reason = "the schema of what `Item` reads")]
pub struct ItemSchema {
    #[schema(schema_with = any_id, required = false)]
    id: (),
    /// What is to be done. Of a longer text, the first 499 characters and `…` become the text, and the whole
    /// text begins the description. Without a text, the first line of the description becomes the text.
    #[schema(required = false, nullable)]
    text: String,
    /// Notes.
    #[schema(required = false, nullable, max_length = 10_000)]
    description: String,
    #[schema(required = false, schema_with = completed)]
    completed: bool,
    #[schema(required = false, schema_with = metadata_edit_schema)]
    metadata: (),
    /// The name of the device.
    #[schema(required = false, nullable, min_length = 1, max_length = 100)]
    client_id: String,
    #[schema(required = false, schema_with = created_at)]
    created_at: String,
    #[schema(required = false, schema_with = completed_at)]
    completed_at: String,
}

/// How many todos of the list that have no id had this creation time and this text.
pub type Unnamed = HashMap<(String, String), usize>;

impl<'a> Item<'a> {
    /// Returns the id as sent, and the new todo; or `None` if the item is invalid.
    pub fn parse(
        self,
        validation: &mut Validation,
        user: UserId,
        unnamed: &mut Unnamed,
        secrets: &dyn SecretSource,
    ) -> Option<(Option<TextOrNumber<'a>>, Creation)> {
        let text = if is_blank(&self.text) { self.title.or_if_null(self.text) } else { self.text };
        let created_at = self.created_at.or_if_null(self.created_at_in_camel_case);
        let completed_at = self.completed_at.or_if_null(self.completed_at_in_camel_case);
        let are_texts =
            !matches!((&text, &self.description), (Member::Invalid(_), _) | (_, Member::Invalid(_)));

        let sent_at = validation.optional("created_at", created_at, as_is);
        let id = validation.optional("id", self.id, as_is);
        let text = validation.optional("text", text, as_is).map_or(Cow::Borrowed(""), |text| text.0);
        let description = validation.optional("description", self.description, as_is).map(|text| text.0);
        let content = are_texts.then(|| Fitted::new(&text, description.as_deref())).and_then(|fitted| {
            let title = validation.record("text", fitted.title);
            let description = validation.record("description", fitted.description);
            Some((title?, description?))
        });
        let completed = validation.optional("completed", self.completed, as_is);
        let client_id = validation.optional("client_id", self.client_id, client_id);
        let created_at = sent_at.as_ref().and_then(|sent| validation.record("created_at", any_time(sent)));
        let completed_at = validation.optional("completed_at", completed_at, |sent| any_time(&sent));
        let metadata = metadata(validation, self.metadata);
        let (title, description) = content.filter(|_| validation.is_ok())?;

        let sent_at = sent_at.as_ref().map_or("", TextOrNumber::as_str);
        let key = |id| ForeignKey { id, created_at: sent_at, text: &text };
        let todo_id = match &id {
            Some(id) => todo_id(user, &key(ForeignId::Given(id.as_str()))),
            None if sent_at.is_empty() => TodoId(secrets.uuid()),
            None => {
                let equal = unnamed.entry((sent_at.to_owned(), text.clone().into_owned())).or_default();
                let preceding = std::mem::replace(equal, *equal + 1);
                todo_id(user, &key(ForeignId::Missing { preceding }))
            }
        };
        let completed = completed.unwrap_or(completed_at.is_some());
        Some((
            id,
            (
                todo_id,
                NewTodo { title, description, completed, metadata, created_at, completed_at },
                client_id,
            ),
        ))
    }
}

fn is_blank(text: &Member<Text<'_>>) -> bool {
    match text {
        Member::Absent | Member::Null => true,
        Member::Value(text) => !is_visible(&text.0),
        Member::Invalid(_) => false,
    }
}

fn completed() -> Object {
    flag_schema("Whether the todo is completed. By default, it is if it has a `completed_at`.")
}

fn created_at() -> Object {
    any_form_of_time("When the todo was created. A time in the future counts as now.")
}

fn completed_at() -> Object {
    any_form_of_time("When the todo was completed, if it is. A time in the future counts as now.")
}

fn any_form_of_time(description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Null]))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some(description))
        .minimum(Some(Stamp::MIN.as_micros() / 1000))
        .maximum(Some(Stamp::MAX.as_micros() / 1000))
        .build()
}
