//! Rows of `users`.

use diesel::prelude::*;
use domain::user::{DisplayName, Email, PasswordHash, User};
use domain::{StoreError, UserId};

use super::{Id, optional_stamp, stamp};
use crate::schema::users;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    id: Id,
    email: Option<String>,
    password_hash: Option<String>,
    display_name: Option<String>,
    email_verified: bool,
    is_active: bool,
    created_at: i64,
    last_login_at: Option<i64>,
    email_changed_at: Option<i64>,
    password_reset_at: Option<i64>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId(row.id.0),
            email: row.email.map(Email::from_stored),
            password: row.password_hash.map(PasswordHash),
            display_name: row.display_name.map(DisplayName::from_stored),
            email_verified: row.email_verified,
            is_active: row.is_active,
            created_at: stamp("users", "created_at", row.created_at)?,
            last_login_at: optional_stamp("users", "last_login_at", row.last_login_at)?,
            email_changed_at: optional_stamp("users", "email_changed_at", row.email_changed_at)?,
            password_reset_at: optional_stamp("users", "password_reset_at", row.password_reset_at)?,
        })
    }
}
