//! Writes the content of a database into an empty one.

use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Stamp;
use domain::snapshot::{Column, Kind, Part, Row, Table};
use domain::text::sort_key;
use tokio::sync::mpsc::Receiver;

use super::{ContentError, begin, connect};
use crate::sql::{Sql, sql};

/// Writes the content that is received into an empty database, whose schema must be up to date, in one
/// transaction. If the content ends early or can't be written, the database stays empty.
pub async fn write_content(url: &str, mut from: Receiver<Part>) -> Result<(), ContentError> {
    let mut conn = connect(url).await?;
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
