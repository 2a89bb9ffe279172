//! Rows of `users`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{Queryable, Selectable};
use domain::user::{DisplayName, Email, PasswordHash, User};
use domain::{StoreError, UserId};
use uuid::Uuid;

use super::{optional_stamp, stamp};
use crate::schema::users;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub(crate) struct UserRow {
    id: Uuid,
    email: Option<String>,
    password_hash: Option<String>,
    display_name: Option<String>,
    email_verified: bool,
    is_active: bool,
    created_at: PgTimestamp,
    last_login_at: Option<PgTimestamp>,
    email_changed_at: Option<PgTimestamp>,
    password_reset_at: Option<PgTimestamp>,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId(row.id),
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
