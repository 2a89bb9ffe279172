//! Checks of a database file, and repairs of what can be recomputed.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::snapshot::{Check, Finding, Recount, Report};

use super::content::read;
use super::{FileError, connect};
use crate::connection::Access;
use crate::migrations;
use crate::rows::Id;
use crate::schema::users;

/// Checks a database, beside the server that uses it, in one snapshot.
pub fn check(database: &Path) -> Result<Report, FileError> {
    let mut conn = connect(database, Access::Read)?;
    migrations::refuse_newer(&mut conn)?;
    examine(&mut conn, database)
}

/// Writes the totals that `recounts` counted, each for a user whose row has not changed since. Returns how many.
pub fn repair(database: &Path, recounts: &[Recount]) -> Result<usize, FileError> {
    let mut conn = connect(database, Access::Write)?;
    Ok(conn.immediate_transaction(|conn| {
        let mut repaired = 0;
        for Recount { user, stored, counted } in recounts {
            repaired += diesel::update(users::table.filter(users::id.eq(Id::from(*user))))
                .filter(users::sync_clock.eq(stored.clock.as_micros()))
                .filter(users::live_todos.eq(i64::from(stored.live)))
                .filter(users::tombstones.eq(i64::from(stored.tombstones)))
                .filter(users::stored_bytes.eq(stored.stored_bytes.cast_signed()))
                .filter(users::digest.eq(stored.digest.to_i64()))
                .set((
                    users::sync_clock.eq(counted.clock.as_micros()),
                    users::live_todos.eq(i64::from(counted.live)),
                    users::tombstones.eq(i64::from(counted.tombstones)),
                    users::stored_bytes.eq(counted.stored_bytes.cast_signed()),
                    users::digest.eq(counted.digest.to_i64()),
                ))
                .execute(conn)?;
        }
        QueryResult::Ok(repaired)
    })?)
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Refuses a damaged file, and checks its rows if it has this program's schema. `path` is for the message.
pub(super) fn examine(conn: &mut SqliteConnection, path: &Path) -> Result<Report, FileError> {
    let damaged = |problem: String| FileError::Damaged { path: path.to_owned(), problem };
    let lines = |conn: &mut SqliteConnection, query: &str| diesel::sql_query(query).load::<Line>(conn);
    let integrity =
        "SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok' LIMIT 1";
    let found = lines(conn, integrity).map_err(|error| damaged(error.to_string()))?;
    if let Some(Line { line }) = found.into_iter().next() {
        return Err(damaged(line));
    }
    if !migrations::pending(conn)?.is_empty() {
        return Ok(Report::default());
    }
    let mut check = Check::new();
    read(conn, &mut |table, rows| {
        for row in &rows {
            check.row(table, row);
        }
        Ok(())
    })?;
    let mut report = check.finish();
    let query = "SELECT DISTINCT \"table\" || ' refers to missing rows of ' || parent AS line FROM pragma_foreign_key_check";
    for Line { line } in lines(conn, query)? {
        report.findings.push(Finding { table: "database", user: None, problem: line });
    }
    Ok(report)
}
