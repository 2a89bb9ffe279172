//! What is stored about a user.

use diesel::prelude::*;
use domain::UserId;
use domain::account::AccountRecords;

use super::by_id;
use crate::error::Failure;
use crate::readers::in_snapshot;
use crate::rows::{Id, all};
use crate::schema::sessions;
use crate::sessions::SessionRow;
use crate::{identities, one_time, outbox};

pub(super) fn records(conn: &mut SqliteConnection, user: UserId) -> Result<Option<AccountRecords>, Failure> {
    in_snapshot(conn, |conn| {
        let Some(found) = by_id(conn, user)? else {
            return Ok(None);
        };
        let kept = sessions::table
            .filter(sessions::user_id.eq(Id::from(user)))
            .order((sessions::created_at, sessions::id))
            .select(SessionRow::as_select())
            .load(conn)?;
        Ok(Some(AccountRecords {
            user: found,
            sessions: all(kept)?,
            identities: identities::records(conn, user)?,
            mails: outbox::records(conn, user)?,
            one_time: one_time::records(conn, user)?,
        }))
    })
}
