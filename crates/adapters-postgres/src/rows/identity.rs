//! Rows of `external_identities`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{Queryable, Selectable};
use domain::StoreError;
use domain::account::IdentityRecord;

use super::stamp;
use crate::schema::external_identities;

#[derive(Queryable, Selectable)]
#[diesel(table_name = external_identities, check_for_backend(diesel::pg::Pg))]
pub(crate) struct IdentityRow {
    provider: String,
    subject: String,
    email: Option<String>,
    created_at: PgTimestamp,
}

impl TryFrom<IdentityRow> for IdentityRecord {
    type Error = StoreError;

    fn try_from(row: IdentityRow) -> Result<Self, StoreError> {
        Ok(Self {
            provider: row.provider,
            subject: row.subject,
            email: row.email,
            created_at: stamp("external_identities", "created_at", row.created_at)?,
        })
    }
}
