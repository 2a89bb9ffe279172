//! A todo as it is written.

#![expect(clippy::ref_option_ref, reason = "in the code that the derive writes")]

use diesel::prelude::*;
use domain::text::{ClientId, fold};
use domain::todo::{Description, Todo};
use domain::{Stamp, UserId};

use crate::rows::Id;
use crate::schema::todos;

/// All columns of a todo, borrowed from it.
#[derive(Insertable)]
#[diesel(table_name = todos, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
    user_id: Id,
    id: Id,
    number: i64,
    completed_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
    version: i64,
    title_version: i64,
    description_version: i64,
    completed_version: i64,
    deleted_version: i64,
    client_id: Option<&'a str>,
    title: &'a str,
    title_folded: String,
    description: Option<&'a str>,
    description_folded: Option<String>,
}

impl<'a> NewRow<'a> {
    pub(super) fn of(user: UserId, todo: &'a Todo) -> Self {
        let versions = todo.versions();
        let description = todo.description().map(Description::as_str);
        Self {
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
            title: todo.title().as_str(),
            title_folded: fold(todo.title().as_str()),
            description,
            description_folded: description.map(fold),
        }
    }
}
