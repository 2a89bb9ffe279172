//! Rows of `one_time_tokens`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{Queryable, Selectable};
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use domain::OneTimeTokenId;
use domain::account::OneTimeTokenRecord;
use domain::one_time::Purpose;
use domain::user::Email;
use domain::{StoreError, UserId};
use uuid::Uuid;

use super::stamp;
use crate::schema::one_time_tokens;

/// The SQL types of a [`OneTimeRow`].
pub(crate) type OneTimeColumns = (SqlUuid, Nullable<SqlUuid>, Text);

/// The content of a valid token.
#[derive(Queryable)]
pub(crate) struct OneTimeRow {
    id: Uuid,
    user_id: Option<Uuid>,
    pub payload: String,
}

impl OneTimeRow {
    pub(crate) const fn id(&self) -> OneTimeTokenId {
        OneTimeTokenId(self.id)
    }

    pub(crate) fn user(&self) -> Option<UserId> {
        self.user_id.map(UserId)
    }

    /// The address that the token was sent to.
    pub(crate) fn address(&self) -> Email {
        Email::from_stored(self.payload.clone())
    }
}

/// A token as an export shows it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = one_time_tokens, check_for_backend(diesel::pg::Pg))]
pub(crate) struct OneTimeRecordRow {
    kind: String,
    expires_at: PgTimestamp,
    used_at: Option<PgTimestamp>,
}

impl TryFrom<OneTimeRecordRow> for OneTimeTokenRecord {
    type Error = StoreError;

    fn try_from(row: OneTimeRecordRow) -> Result<Self, StoreError> {
        let purpose = Purpose::parse(&row.kind);
        Ok(Self {
            purpose: purpose
                .ok_or_else(|| StoreError::corrupt("one_time_tokens", "kind", "not a purpose"))?,
            expires_at: stamp("one_time_tokens", "expires_at", row.expires_at)?,
            used: row.used_at.is_some(),
        })
    }
}
