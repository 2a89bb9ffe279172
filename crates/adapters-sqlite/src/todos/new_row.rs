//! Rows of `todos`, in the form for writing.

#![expect(clippy::ref_option_ref, reason = "the derive generates it")]

use diesel::prelude::*;
use domain::text::ClientId;
use domain::todo::{Description, Todo};
use domain::{Stamp, UserId};

use crate::row_key::row_key;
use crate::rows::Id;
use crate::schema::todos;

/// All columns of a todo, borrowed from the domain value.
#[derive(Insertable)]
#[diesel(table_name = todos, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
    pub key: i64,
    pub user_id: Id,
    pub id: Id,
    pub number: i64,
    pub completed_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
    pub version: i64,
    pub title_version: i64,
    pub description_version: i64,
    pub completed_version: i64,
    pub deleted_version: i64,
    pub client_id: Option<&'a str>,
    pub title: Option<&'a str>,
    pub description: Option<&'a str>,
    pub metadata: Option<String>,
    pub metadata_versions: Option<String>,
}

impl<'a> NewRow<'a> {
    pub(super) fn of(user: UserId, todo: &'a Todo) -> Self {
        let versions = todo.versions();
        let title = (!todo.is_shrunk()).then(|| todo.title().as_str());
        let description = todo.description().map(Description::as_str);
        let [metadata, metadata_versions] = todo.metadata().to_columns();
        Self {
            key: row_key(user.0.as_bytes(), todo.number().0),
            user_id: user.into(),
            id: todo.id().into(),
            number: todo.number().0,
            completed_at: todo.completed_at().map(Stamp::as_micros),
            created_at: todo.created_at().as_micros(),
            updated_at: todo.updated_at().as_micros(),
            deleted_at: todo.deleted_at().map(Stamp::as_micros),
            version: versions.version,
            title_version: versions.title,
            description_version: versions.description,
            completed_version: versions.completed,
            deleted_version: versions.deleted,
            client_id: todo.client_id().map(ClientId::as_str),
            title,
            description,
            metadata,
            metadata_versions,
        }
    }
}
