//! Loads everything stored about a user except the todos.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::UserId;
use domain::account::AccountRecords;
use futures_util::future::try_join4;

use crate::error::Failure;
use crate::rows::{IdentityRow, MailRow, OneTimeRecordRow, SessionRow, UserRow};
use crate::schema::{external_identities, mail_outbox, one_time_tokens, sessions};
use crate::tables;

/// The number of rows of each kind.
const MAX: u32 = AccountRecords::MAX_OF_EACH;

/// Loads the records. The caller's transaction must have one snapshot.
pub(super) async fn load(
    mut conn: &AsyncPgConnection,
    user: UserId,
) -> Result<Option<AccountRecords>, Failure> {
    let row = tables::users::existing(user).select(UserRow::as_select());
    let Some(row) = row.first(&mut conn).await.optional()? else { return Ok(None) };
    let sessions = async {
        let rows = sessions::table.filter(sessions::user_id.eq(user.0));
        let rows = rows.order((sessions::created_at.desc(), sessions::id.desc())).limit(MAX.into());
        rows.select(SessionRow::as_select()).load(&mut &*conn).await
    };
    let identities = async {
        let rows = external_identities::table.filter(external_identities::user_id.eq(user.0));
        let rows =
            rows.order((external_identities::provider, external_identities::subject)).limit(MAX.into());
        rows.select(IdentityRow::as_select()).load(&mut &*conn).await
    };
    let mails = async {
        let rows = mail_outbox::table.filter(mail_outbox::user_id.eq(user.0));
        let rows = rows.order(mail_outbox::id.desc()).limit(MAX.into());
        rows.select(MailRow::as_select()).load(&mut &*conn).await
    };
    let one_time = async {
        let rows = one_time_tokens::table.filter(one_time_tokens::user_id.eq(user.0));
        let rows =
            rows.order((one_time_tokens::expires_at.desc(), one_time_tokens::id.desc())).limit(MAX.into());
        rows.select(OneTimeRecordRow::as_select()).load(&mut &*conn).await
    };
    let (sessions, identities, mails, one_time) = try_join4(sessions, identities, mails, one_time).await?;
    Ok(Some(AccountRecords {
        user: row.try_into()?,
        sessions: sessions.into_iter().rev().map(TryInto::try_into).collect::<Result<_, _>>()?,
        identities: identities.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        mails: mails.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        one_time_tokens: one_time.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
    }))
}
