//! The content of a database, in the form that every store has; a check of it, and repairs of what can be
//! recomputed.
//!
//! Each function works as the role that owns the schema, whom row-level security does not restrict.

use diesel::QueryableByName;
use diesel::result::Error as SqlError;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Stamp;
use domain::session::EndReason;
use domain::snapshot::{Check, Column, Kind, Part, Recount, Report, Row, TABLES, Table};
use domain::text::sort_key;
use futures_util::TryStreamExt as _;
use futures_util::future::join;
use thiserror::Error;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::migrations::{self, MigrateError};
use crate::rows::timestamp;
use crate::session::{self, Limits};
use crate::sql::{Sql, sql};

/// The maximum number of rows in one part.
const CHUNK: usize = 500;

/// Why the content can't be read or written. Nothing was written.
#[derive(Debug, Error)]
pub enum ContentError {
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("the database has users already; name an empty one")]
    NotEmpty,
    #[error("the database can't be copied: {0}")]
    Copy(String),
    /// The sender of the content ended before it had sent everything.
    #[error("the copying was broken off")]
    BrokenOff,
}

impl From<SqlError> for ContentError {
    fn from(error: SqlError) -> Self {
        Self::Copy(error.to_string())
    }
}

/// Sends the content of a database, in one snapshot. Waits while the channel is full.
pub async fn read_content(url: &str, to: Sender<Part>) -> Result<(), ContentError> {
    let mut conn = migrations::connect(&migrations::target(url).map_err(MigrateError::from)?).await?;
    let mut transaction = conn.build_transaction().repeatable_read().read_only();
    transaction
        .run(async move |conn| {
            begin(conn).await?;
            for table in TABLES {
                read(conn, table, &to).await?;
            }
            to.send(Part::End).await.map_err(|_| ContentError::BrokenOff)
        })
        .await
}

/// Checks a database, beside the servers that use it, in one snapshot.
pub async fn check(url: &str) -> Result<Report, ContentError> {
    let (to, mut from) = channel(4);
    let checked = async {
        let mut check = Check::new();
        while let Some(part) = from.recv().await {
            if let Part::Rows(table, rows) = part {
                for row in &rows {
                    check.row(table, row);
                }
            }
        }
        check.finish()
    };
    let (read, report) = join(read_content(url, to), checked).await;
    read.map(|()| report)
}

/// Writes the totals that `recounts` counted, each for a user whose row has not changed since. Returns how many.
pub async fn repair(url: &str, recounts: &[Recount]) -> Result<usize, ContentError> {
    let mut conn = migrations::connect(&migrations::target(url).map_err(MigrateError::from)?).await?;
    let mut transaction = conn.build_transaction().read_committed().read_write();
    transaction
        .run(async move |conn| {
            begin(conn).await?;
            let mut repaired = 0;
            for recount in recounts {
                repaired += update(recount).execute(conn).await?;
            }
            Ok(repaired)
        })
        .await
}

/// Ends every session of every user at `now`, as an administrator does after a restore. Returns how many.
pub async fn end_all_sessions(url: &str, now: Stamp) -> Result<usize, ContentError> {
    let mut conn = migrations::connect(&migrations::target(url).map_err(MigrateError::from)?).await?;
    let mut transaction = conn.build_transaction().read_committed().read_write();
    let (at, reason) = (timestamp(now), EndReason::AdminRevoke.as_str());
    transaction
        .run(async move |conn| {
            begin(conn).await?;
            let end: Sql<'_, ()> = sql("with ended as (update sessions set revoked_at = ")
                .bind::<Timestamptz, _>(at)
                .sql(", revoke_reason = ")
                .bind::<Text, _>(reason)
                .sql(
                    " where revoked_at is null returning id, user_id, access_until) \
                     insert into revoked_tokens (session_id, user_id, reason, revoked_at, expires_at) \
                     select id, user_id, ",
                )
                .bind::<Text, _>(reason)
                .sql(", ")
                .bind::<Timestamptz, _>(at)
                .sql(", greatest(access_until, ")
                .bind::<Timestamptz, _>(at)
                .sql(") from ended");
            Ok(end.execute(conn).await?)
        })
        .await
}

/// Writes the content that is received into an empty database, whose schema must be up to date, in one
/// transaction. If the content ends early or can't be written, the database stays empty.
pub async fn write_content(url: &str, mut from: Receiver<Part>) -> Result<(), ContentError> {
    let mut conn = migrations::connect(&migrations::target(url).map_err(MigrateError::from)?).await?;
    let mut transaction = conn.build_transaction().read_committed().read_write();
    transaction
        .run(async move |conn| {
            begin(conn).await?;
            // A server can't register anybody meanwhile.
            let lock: Sql<'_, ()> = sql("lock table users, epochs in exclusive mode");
            lock.execute(conn).await?;
            let occupied: Sql<'_, Bool> =
                sql("select exists (select from users) or exists (select from revoked_tokens)");
            if occupied.get_result(conn).await? {
                return Err(ContentError::NotEmpty);
            }
            let epochs: Sql<'_, ()> = sql("delete from epochs");
            epochs.execute(conn).await?;
            loop {
                match from.recv().await {
                    Some(Part::Rows(table, rows)) => write(conn, table, rows).await?,
                    Some(Part::End) => return Ok(()),
                    None => return Err(ContentError::BrokenOff),
                }
            }
        })
        .await
}

async fn begin(conn: &mut AsyncPgConnection) -> Result<(), SqlError> {
    let set: Sql<'_, Text> = session::local(sql("select "), Limits::NONE);
    set.execute(conn).await.map(drop)
}

#[derive(QueryableByName)]
struct Json {
    #[diesel(sql_type = Text)]
    json: String,
}

/// Sends the rows of a table.
async fn read(
    conn: &mut AsyncPgConnection,
    table: &'static Table,
    to: &Sender<Part>,
) -> Result<(), ContentError> {
    let send = async |rows| to.send(Part::Rows(table, rows)).await.map_err(|_| ContentError::BrokenOff);
    let mut rows: Vec<Row> = Vec::new();
    let mut stream = diesel::sql_query(select(table)).load_stream::<Json>(conn).await?;
    while let Some(Json { json }) = stream.try_next().await? {
        rows.push(serde_json::from_str(&json).map_err(|e| ContentError::Copy(e.to_string()))?);
        if rows.len() == CHUNK {
            send(std::mem::take(&mut rows)).await?;
        }
    }
    send(rows).await
}

/// A query of one column: each row as a JSON array.
fn select(table: &Table) -> String {
    if table.name == "todo_numbers" {
        return "select json_build_array((last_value + is_called::int)::text)::text as json from todo_numbers"
            .to_owned();
    }
    let order = match table.name {
        "epochs" | "revoked_tokens" => "ordinal",
        "external_identities" => "user_id, provider, subject",
        "todos" => "user_id, id",
        _ => "id",
    };
    let values: Vec<_> = table.columns.iter().map(value).collect();
    format!(
        "select json_build_array({})::text as json from {} order by {order}",
        values.join(", "),
        table.name
    )
}

async fn write(conn: &mut AsyncPgConnection, table: &Table, rows: Vec<Row>) -> Result<(), ContentError> {
    if table.name == "todo_numbers" {
        let Some(next) = rows.into_iter().flatten().flatten().next() else { return Ok(()) };
        let next = next.parse::<i64>().map_err(|e| ContentError::Copy(e.to_string()))?;
        // The only statement that a rollback does not undo. It only leaves a gap.
        let set: Sql<'_, BigInt> =
            sql("select setval('todo_numbers', ").bind::<BigInt, _>(next).sql(", false)");
        set.execute(conn).await?;
        return Ok(());
    }
    let mut columns: Vec<_> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let mut values: Vec<_> =
        table.columns.iter().enumerate().map(|(at, column)| stored(column, at)).collect();
    let mut rows = rows.into_iter().map(|row| with_times(table, row)).collect::<Result<Vec<_>, _>>()?;
    match table.name {
        // The name of an epoch is generated from its parts.
        "epochs" => {
            columns.iter_mut().filter(|name| *name == "\"epoch\"").for_each(|name| "stored".clone_into(name));
        }
        "todos" => {
            columns.push("title_key".to_owned());
            values.push(stored(&Column { name: "title_key", kind: Kind::Bytes }, table.columns.len()));
            let title = table.position("title").unwrap_or_default();
            for row in &mut rows {
                let key = row[title].as_deref().map(|title| hex(&sort_key(title)));
                row.push(key);
            }
        }
        _ => {}
    }
    let insert = format!(
        "insert into {} ({}) select {} from json_array_elements($1::json) with ordinality as r(value, n) order by n",
        table.name,
        columns.join(", "),
        values.join(", ")
    );
    let json = serde_json::to_string(&rows).map_err(|e| ContentError::Copy(e.to_string()))?;
    diesel::sql_query(insert).bind::<Text, _>(json).execute(conn).await?;
    Ok(())
}

/// The value of a column as a text or null, in SQL.
fn value(column: &Column) -> String {
    let name = column.name;
    match column.kind {
        Kind::Text => format!("\"{name}\""),
        Kind::Id => format!("replace({name}::text, '-', '')"),
        Kind::Bytes => format!("encode({name}, 'hex')"),
        Kind::Flag => format!("{name}::int::text"),
        Kind::Number => format!("{name}::text"),
        Kind::Time => format!("(extract(epoch from {name}) * 1000000)::bigint::text"),
    }
}

/// What to store for the text at the position `at` of the array `r.value`, in SQL.
fn stored(column: &Column, at: usize) -> String {
    let text = format!("r.value ->> {at}");
    match column.kind {
        Kind::Text => text,
        Kind::Id => format!("({text})::uuid"),
        Kind::Bytes => format!("decode({text}, 'hex')"),
        Kind::Flag => format!("({text})::int::boolean"),
        Kind::Number => format!("({text})::bigint"),
        Kind::Time => format!("({text})::timestamptz"),
    }
}

/// The row with its times as PostgreSQL reads them.
fn with_times(table: &Table, mut row: Row) -> Result<Row, ContentError> {
    for (column, value) in table.columns.iter().zip(&mut row) {
        if let (Kind::Time, Some(micros)) = (column.kind, value.as_mut()) {
            let stamp = micros.parse().ok().and_then(Stamp::from_micros);
            let outside = || ContentError::Copy(format!("{}.{} is no time", table.name, column.name));
            *micros = stamp.ok_or_else(outside)?.to_rfc3339();
        }
    }
    Ok(row)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a text can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes what was counted, unless the row has changed since it was read.
fn update(recount: &Recount) -> Sql<'_, ()> {
    let Recount { user, stored, counted } = recount;
    let count = |count: u32| i64::from(count);
    sql("update users set sync_clock = ")
        .bind::<Timestamptz, _>(timestamp(counted.clock))
        .sql(", live_todos = ")
        .bind::<BigInt, _>(count(counted.live))
        .sql(", tombstones = ")
        .bind::<BigInt, _>(count(counted.tombstones))
        .sql(", stored_bytes = ")
        .bind::<BigInt, _>(counted.stored_bytes.cast_signed())
        .sql(", digest = ")
        .bind::<BigInt, _>(counted.digest.to_i64())
        .sql(" where id = ")
        .bind::<SqlUuid, _>(user.0)
        .sql(" and sync_clock = ")
        .bind::<Timestamptz, _>(timestamp(stored.clock))
        .sql(" and live_todos = ")
        .bind::<BigInt, _>(count(stored.live))
        .sql(" and tombstones = ")
        .bind::<BigInt, _>(count(stored.tombstones))
        .sql(" and stored_bytes = ")
        .bind::<BigInt, _>(stored.stored_bytes.cast_signed())
        .sql(" and digest = ")
        .bind::<BigInt, _>(stored.digest.to_i64())
}
