//! Rows of `sessions`, `refresh_tokens` and `revoked_tokens`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{Queryable, Selectable};
use domain::session::{Device, EndReason, RefreshToken, Revocation, Revoked, Session, TokenHash};
use domain::text::ClientId;
use domain::{SessionId, StoreError, TokenId, UserId};
use uuid::Uuid;

use super::{optional_stamp, stamp};
use crate::schema::{refresh_tokens, revoked_tokens, sessions};

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub(crate) struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    client_id: Option<String>,
    user_agent: Option<String>,
    ip: Option<String>,
    created_at: PgTimestamp,
    last_used_at: PgTimestamp,
    expires_at: PgTimestamp,
    revoked_at: Option<PgTimestamp>,
    revoke_reason: Option<String>,
    late_repeat_at: Option<PgTimestamp>,
    trusted_from: PgTimestamp,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let corrupt =
            |column, problem: &dyn ToString| StoreError::corrupt("sessions", column, problem.to_string());
        let reason = row.revoke_reason.map(|word| reason("sessions", "revoke_reason", &word)).transpose()?;
        Ok(Self {
            id: SessionId(row.id),
            user: UserId(row.user_id),
            device: Device {
                client_id: row.client_id.map(ClientId::from_stored),
                user_agent: row.user_agent,
                ip: row.ip.map(|text| text.parse()).transpose().map_err(|e| corrupt("ip", &e))?,
            },
            created_at: stamp("sessions", "created_at", row.created_at)?,
            last_used_at: stamp("sessions", "last_used_at", row.last_used_at)?,
            expires_at: stamp("sessions", "expires_at", row.expires_at)?,
            late_repeat_at: optional_stamp("sessions", "late_repeat_at", row.late_repeat_at)?,
            trusted_from: stamp("sessions", "trusted_from", row.trusted_from)?,
            ended: optional_stamp("sessions", "revoked_at", row.revoked_at)?.zip(reason),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens, check_for_backend(diesel::pg::Pg))]
pub(crate) struct TokenRow {
    id: Uuid,
    session_id: Uuid,
    user_id: Uuid,
    generation: i64,
    token_hash: Vec<u8>,
    expires_at: PgTimestamp,
    replaced_at: Option<PgTimestamp>,
    replaced_by: Option<Uuid>,
}

impl TryFrom<TokenRow> for RefreshToken {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        let corrupt = |column, problem| StoreError::corrupt("refresh_tokens", column, problem);
        Ok(Self {
            id: TokenId(row.id),
            session: SessionId(row.session_id),
            user: UserId(row.user_id),
            generation: row.generation.try_into().map_err(|_| corrupt("generation", "not within 32 bits"))?,
            hash: TokenHash(
                row.token_hash.try_into().map_err(|_| corrupt("token_hash", "not 32 bytes long"))?,
            ),
            expires_at: stamp("refresh_tokens", "expires_at", row.expires_at)?,
            replaced: optional_stamp("refresh_tokens", "replaced_at", row.replaced_at)?
                .zip(row.replaced_by.map(TokenId)),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = revoked_tokens, check_for_backend(diesel::pg::Pg))]
pub(crate) struct RevocationRow {
    session_id: Option<Uuid>,
    user_id: Uuid,
    reason: String,
    revoked_at: PgTimestamp,
    expires_at: PgTimestamp,
}

impl TryFrom<RevocationRow> for Revocation {
    type Error = StoreError;

    fn try_from(row: RevocationRow) -> Result<Self, StoreError> {
        let what = match row.session_id {
            Some(session) => Revoked::Session(SessionId(session)),
            None => Revoked::User(UserId(row.user_id)),
        };
        Ok(Self {
            what,
            user: UserId(row.user_id),
            reason: reason("revoked_tokens", "reason", &row.reason)?,
            at: stamp("revoked_tokens", "revoked_at", row.revoked_at)?,
            until: stamp("revoked_tokens", "expires_at", row.expires_at)?,
        })
    }
}

fn reason(table: &'static str, column: &'static str, word: &str) -> Result<EndReason, StoreError> {
    EndReason::parse(word).ok_or_else(|| StoreError::corrupt(table, column, "not a reason"))
}
