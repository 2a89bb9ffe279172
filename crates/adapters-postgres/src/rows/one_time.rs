//! Rows of one-time tokens.

use diesel::prelude::Queryable;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use domain::account::{Email, OneTimeId};
use domain::{StoreError, UserId};
use uuid::Uuid;

/// The SQL types of a [`OneTimeRow`].
pub(crate) type OneTimeColumns = (SqlUuid, Nullable<SqlUuid>, Text);

/// What a good token carries.
#[derive(Queryable)]
pub(crate) struct OneTimeRow {
    id: Uuid,
    user_id: Option<Uuid>,
    pub payload: String,
}

impl OneTimeRow {
    pub(crate) const fn id(&self) -> OneTimeId {
        OneTimeId(self.id)
    }

    pub(crate) fn user(&self) -> Option<UserId> {
        self.user_id.map(UserId)
    }

    /// The address that it came to.
    pub(crate) fn address(&self) -> Result<Email, StoreError> {
        Email::parse(&self.payload)
            .map_err(|error| StoreError::corrupt("one_time_tokens", "payload", error.to_string()))
    }
}
