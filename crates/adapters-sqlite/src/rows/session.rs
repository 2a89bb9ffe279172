//! Rows of `sessions`, `refresh_tokens` and `revoked_tokens`.

use std::net::IpAddr;

use diesel::prelude::*;
use domain::session::{Device, EndReason, RefreshToken, Revocation, Revoked, Session, TokenHash};
use domain::text::ClientId;
use domain::{SessionId, StoreError, TokenId, UserId};

use super::{Id, optional_stamp, stamp};
use crate::schema::{refresh_tokens, revoked_tokens, sessions};

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct SessionRow {
    id: Id,
    user_id: Id,
    client_id: Option<String>,
    user_agent: Option<String>,
    ip: Option<String>,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    revoke_reason: Option<String>,
    late_repeat_at: Option<i64>,
    trusted_from: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let corrupt =
            |column, problem: &dyn ToString| StoreError::corrupt("sessions", column, problem.to_string());
        let ip = row.ip.as_deref().map(str::parse::<IpAddr>).transpose();
        let ended = match (row.revoked_at, row.revoke_reason) {
            (Some(at), Some(word)) => {
                Some((stamp("sessions", "revoked_at", at)?, reason("sessions", "revoke_reason", &word)?))
            }
            (None, None) => None,
            _ => return Err(corrupt("revoke_reason", &"given without revoked_at, or missing with it")),
        };
        Ok(Self {
            id: SessionId(row.id.0),
            user: UserId(row.user_id.0),
            device: Device {
                client_id: row.client_id.map(ClientId::from_stored),
                user_agent: row.user_agent,
                ip: ip.map_err(|e| corrupt("ip", &e))?,
            },
            created_at: stamp("sessions", "created_at", row.created_at)?,
            last_used_at: stamp("sessions", "last_used_at", row.last_used_at)?,
            expires_at: stamp("sessions", "expires_at", row.expires_at)?,
            late_repeat_at: optional_stamp("sessions", "late_repeat_at", row.late_repeat_at)?,
            trusted_from: stamp("sessions", "trusted_from", row.trusted_from)?,
            ended,
        })
    }
}

fn reason(table: &'static str, column: &'static str, word: &str) -> Result<EndReason, StoreError> {
    EndReason::parse(word).ok_or_else(|| StoreError::corrupt(table, column, "not a known reason"))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
pub(crate) struct RefreshTokenRow {
    id: Id,
    session_id: Id,
    user_id: Id,
    token_hash: Vec<u8>,
    generation: i64,
    expires_at: i64,
    replaced_at: Option<i64>,
    replaced_by: Option<Id>,
}

impl TryFrom<RefreshTokenRow> for RefreshToken {
    type Error = StoreError;

    fn try_from(row: RefreshTokenRow) -> Result<Self, StoreError> {
        let corrupt = |column, problem: &str| StoreError::corrupt("refresh_tokens", column, problem);
        let replaced = match (row.replaced_at, row.replaced_by) {
            (Some(at), Some(by)) => Some((stamp("refresh_tokens", "replaced_at", at)?, TokenId(by.0))),
            (None, None) => None,
            _ => return Err(corrupt("replaced_by", "given without replaced_at, or missing with it")),
        };
        let hash = row.token_hash.try_into().map_err(|_| corrupt("token_hash", "not 32 bytes long"))?;
        let generation = row.generation.try_into();
        Ok(Self {
            id: TokenId(row.id.0),
            session: SessionId(row.session_id.0),
            user: UserId(row.user_id.0),
            generation: generation.map_err(|_| corrupt("generation", "negative or too large"))?,
            hash: TokenHash(hash),
            expires_at: stamp("refresh_tokens", "expires_at", row.expires_at)?,
            replaced,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = revoked_tokens, treat_none_as_default_value = false)]
pub(crate) struct RevocationRow {
    session_id: Option<Id>,
    user_id: Id,
    reason: String,
    revoked_at: i64,
    expires_at: i64,
}

impl From<&Revocation> for RevocationRow {
    fn from(revocation: &Revocation) -> Self {
        let session_id = match revocation.what {
            Revoked::Session(session) => Some(session.into()),
            Revoked::User(_) => None,
        };
        Self {
            session_id,
            user_id: revocation.user.into(),
            reason: revocation.reason.as_str().to_owned(),
            revoked_at: revocation.at.as_micros(),
            expires_at: revocation.until.as_micros(),
        }
    }
}

impl TryFrom<RevocationRow> for Revocation {
    type Error = StoreError;

    fn try_from(row: RevocationRow) -> Result<Self, StoreError> {
        let what = match row.session_id {
            Some(session) => Revoked::Session(SessionId(session.0)),
            None => Revoked::User(UserId(row.user_id.0)),
        };
        Ok(Self {
            what,
            user: UserId(row.user_id.0),
            reason: reason("revoked_tokens", "reason", &row.reason)?,
            at: stamp("revoked_tokens", "revoked_at", row.revoked_at)?,
            until: stamp("revoked_tokens", "expires_at", row.expires_at)?,
        })
    }
}
