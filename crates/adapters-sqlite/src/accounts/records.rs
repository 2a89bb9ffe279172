//! Loads everything stored about a user except the todos.

use diesel::prelude::*;
use domain::account::{AccountRecords, IdentityRecord, MailRecord, OneTimeTokenRecord};
use domain::one_time::Purpose;
use domain::{StoreError, UserId};

use crate::error::Failure;
use crate::readers::in_snapshot;
use crate::rows::{Id, SessionRow, convert_all, optional_stamp, stamp, template};
use crate::schema::{external_identities, mail_outbox, one_time_tokens, sessions};
use crate::tables;

pub(super) fn records(conn: &mut SqliteConnection, user: UserId) -> Result<Option<AccountRecords>, Failure> {
    in_snapshot(conn, |conn| {
        let Some(found) = tables::users::by_id(conn, user)? else {
            return Ok(None);
        };
        Ok(Some(AccountRecords {
            user: found,
            sessions: convert_all(session_rows(conn, user)?)?,
            identities: identities(conn, user)?,
            mails: mails(conn, user)?,
            one_time_tokens: one_time_tokens(conn, user)?,
        }))
    })
}

/// The number of rows of each kind.
const MAX: u32 = AccountRecords::MAX_OF_EACH;

/// The user's newest sessions, the oldest first.
fn session_rows(conn: &mut SqliteConnection, user: UserId) -> QueryResult<Vec<SessionRow>> {
    let mut rows = sessions::table
        .filter(sessions::user_id.eq(Id::from(user)))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .limit(MAX.into())
        .select(SessionRow::as_select())
        .load(conn)?;
    rows.reverse();
    Ok(rows)
}

/// By provider and subject.
fn identities(conn: &mut SqliteConnection, user: UserId) -> Result<Vec<IdentityRecord>, Failure> {
    let rows: Vec<(String, String, Option<String>, i64)> = external_identities::table
        .filter(external_identities::user_id.eq(Id::from(user)))
        .order((external_identities::provider, external_identities::subject))
        .limit(MAX.into())
        .select((
            external_identities::provider,
            external_identities::subject,
            external_identities::email,
            external_identities::created_at,
        ))
        .load(conn)?;
    let record = |(provider, subject, email, created_at)| {
        let created_at = stamp("external_identities", "created_at", created_at)?;
        Ok(IdentityRecord { provider, subject, email, created_at })
    };
    rows.into_iter().map(record).collect()
}

/// The newest first.
fn mails(conn: &mut SqliteConnection, user: UserId) -> Result<Vec<MailRecord>, Failure> {
    let rows: Vec<(String, String, Option<i64>)> = mail_outbox::table
        .filter(mail_outbox::user_id.eq(Id::from(user)))
        .order(mail_outbox::id.desc())
        .limit(MAX.into())
        .select((mail_outbox::template, mail_outbox::recipient, mail_outbox::sent_at))
        .load(conn)?;
    let record = |(word, to, sent_at): (String, String, Option<i64>)| {
        let sent_at = optional_stamp("mail_outbox", "sent_at", sent_at)?;
        Ok(MailRecord { template: template(&word)?, to, sent_at })
    };
    rows.into_iter().map(record).collect()
}

/// The last to expire first.
fn one_time_tokens(conn: &mut SqliteConnection, user: UserId) -> Result<Vec<OneTimeTokenRecord>, Failure> {
    let rows: Vec<(String, i64, bool)> = one_time_tokens::table
        .filter(one_time_tokens::user_id.eq(Id::from(user)))
        .order((one_time_tokens::expires_at.desc(), one_time_tokens::id.desc()))
        .limit(MAX.into())
        .select((one_time_tokens::kind, one_time_tokens::expires_at, one_time_tokens::used_at.is_not_null()))
        .load(conn)?;
    let record = |(kind, expires_at, used): (String, i64, bool)| {
        let purpose = Purpose::parse(&kind)
            .ok_or_else(|| StoreError::corrupt("one_time_tokens", "kind", "not a known purpose"))?;
        let expires_at = stamp("one_time_tokens", "expires_at", expires_at)?;
        Ok(OneTimeTokenRecord { purpose, expires_at, used })
    };
    rows.into_iter().map(record).collect()
}
