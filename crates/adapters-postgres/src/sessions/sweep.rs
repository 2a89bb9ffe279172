//! Deletes expired rows and old emails.
//!
//! Each statement skips rows that another transaction has locked. So it never waits, and a session that is being
//! refreshed stays.

use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Stamp;
use domain::session::Cutoffs;

use crate::error::Failure;
use crate::rows::timestamp;
use crate::sql::{Sql, sql};

/// Returns the number of deleted rows. The row scope must be [`Worker::Sweep`](crate::row_security::Worker).
pub(super) async fn sweep(
    mut conn: &AsyncPgConnection,
    cutoffs: &Cutoffs,
    limit: u32,
) -> Result<u64, Failure> {
    let mut deleted = 0;
    for statement in statements(cutoffs, limit) {
        deleted += statement.execute(&mut conn).await? as u64;
    }
    Ok(deleted)
}

/// Refresh tokens come before their sessions, so no deletion of a session cascades to rows that the limit does
/// not count. A revocation finds the replaced tokens of its session, and goes after them.
pub(crate) fn statements<'a>(cutoffs: &Cutoffs, limit: u32) -> [Sql<'a, ()>; 8] {
    [
        delete_old(
            "with old as (select id from refresh_tokens where expires_at <= ",
            cutoffs.logins,
            " order by expires_at limit ",
            limit,
            " for update skip locked) delete from refresh_tokens t using old where t.id = old.id",
        ),
        sql("with old as (select s.id from sessions s where s.expires_at <= ")
            .bind::<Timestamptz, _>(timestamp(cutoffs.logins))
            .sql(" and s.access_until <= ")
            .bind::<Timestamptz, _>(timestamp(cutoffs.access))
            .sql(
                " and not exists (select from refresh_tokens t where t.session_id = s.id) \
                 order by s.expires_at limit ",
            )
            .bind::<BigInt, _>(i64::from(limit))
            .sql(" for update skip locked) delete from sessions s using old where s.id = old.id"),
        delete_old(
            "with old as (select id from one_time_tokens where expires_at <= ",
            cutoffs.one_time_tokens,
            " order by expires_at limit ",
            limit,
            " for update skip locked) delete from one_time_tokens t using old where t.id = old.id",
        ),
        delete_old(
            "with old as (select id from one_time_tokens where used_at <= ",
            cutoffs.one_time_tokens,
            " order by used_at limit ",
            limit,
            " for update skip locked) delete from one_time_tokens t using old where t.id = old.id",
        ),
        delete_old(
            "with old as (select id from mail_outbox where sent_at < ",
            cutoffs.mails,
            " order by sent_at limit ",
            limit,
            " for update skip locked) delete from mail_outbox m using old where m.id = old.id",
        ),
        delete_old(
            "with old as (select id from mail_outbox where given_up_at < ",
            cutoffs.mails,
            " order by given_up_at limit ",
            limit,
            " for update skip locked) delete from mail_outbox m using old where m.id = old.id",
        ),
        delete_old(
            "with old as (select t.id from revoked_tokens r join refresh_tokens t on t.session_id = r.session_id \
             where t.replaced_at is not null and r.expires_at <= ",
            cutoffs.revocations,
            " order by r.expires_at limit ",
            limit,
            " for update of t skip locked) delete from refresh_tokens t using old where t.id = old.id",
        ),
        delete_old(
            "with old as (select id from revoked_tokens r where not exists (select from refresh_tokens t \
             where t.session_id = r.session_id and t.replaced_at is not null) and r.expires_at <= ",
            cutoffs.revocations,
            " order by expires_at limit ",
            limit,
            " for update skip locked) delete from revoked_tokens r using old where r.id = old.id",
        ),
    ]
}

fn delete_old<'a>(
    find: &'static str,
    end: Stamp,
    order: &'static str,
    limit: u32,
    remove: &'static str,
) -> Sql<'a, ()> {
    sql(find)
        .bind::<Timestamptz, _>(timestamp(end))
        .sql(order)
        .bind::<BigInt, _>(i64::from(limit))
        .sql(remove)
}
