//! The content of a file, in the form that every store has.

use std::path::Path;

use diesel::SqliteConnection;
use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::snapshot::{Column, Kind, Part, Row, TABLES, Table};
use tokio::sync::mpsc::{Receiver, Sender};

use super::{FileError, connect, place, unfinished};
use crate::connection::Access;
use crate::migrations;

/// The end of the names of columns that this database computes: the folded form of another one.
const FOLDED: &str = "_folded";

/// The maximum number of rows in one part.
const CHUNK: usize = 500;

/// Sends the content of a database, in one snapshot. Blocks while the channel is full.
pub fn read_content(database: &Path, to: &Sender<Part>) -> Result<(), FileError> {
    let mut conn = connect(database, Access::Read)?;
    migrations::refuse_newer(&mut conn)?;
    let send = |part| to.blocking_send(part).map_err(|_| FileError::BrokenOff);
    read(&mut conn, &mut |table, rows| send(Part::Rows(table, rows)))?;
    send(Part::End)
}

/// Makes the database `path`, which must not exist, of the content that is received. If the content ends
/// early or can't be written, there is no file `path`. Blocks while the channel is empty.
pub fn write_content(path: &Path, from: &mut Receiver<Part>) -> Result<(), FileError> {
    if path.exists() {
        return Err(FileError::Exists(path.to_owned()));
    }
    let file = unfinished(path)?;
    migrations::migrate(&file)?;
    let mut conn = connect(&file, Access::Write)?;
    conn.immediate_transaction(|conn| {
        for table in ["epochs", "todo_numbers"] {
            diesel::sql_query(format!("DELETE FROM {table}")).execute(conn)?;
        }
        loop {
            match from.blocking_recv() {
                Some(Part::Rows(table, rows)) => write(conn, table, &rows)?,
                Some(Part::End) => return Ok(()),
                None => return Err(FileError::BrokenOff),
            }
        }
    })?;
    // Closing the last connection writes the log back into the file.
    drop(conn);
    place(file, path)
}

#[derive(QueryableByName)]
struct Json {
    #[diesel(sql_type = Text)]
    json: String,
}

/// Reads every table in one snapshot, and calls `each` with some rows at a time.
pub(super) fn read(
    conn: &mut SqliteConnection,
    each: &mut dyn FnMut(&'static Table, Vec<Row>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    conn.transaction(|conn| {
        for table in TABLES {
            let mut rows = Vec::new();
            for json in diesel::sql_query(select(table)).load_iter::<Json, DefaultLoadingMode>(conn)? {
                let row = serde_json::from_str(&json?.json).map_err(|e| FileError::Copy(e.to_string()))?;
                rows.push(row);
                if rows.len() == CHUNK {
                    each(table, std::mem::take(&mut rows))?;
                }
            }
            each(table, rows)?;
        }
        Ok(())
    })
}

/// A query of one column: each row as a JSON array.
fn select(table: &Table) -> String {
    let order = match table.name {
        "epochs" => "ordinal",
        "todo_numbers" => "next",
        "revoked_tokens" => "rowid",
        "external_identities" => "user_id, provider, subject",
        "todos" => "user_id, id",
        _ => "id",
    };
    let values: Vec<_> = table.columns.iter().map(value).collect();
    format!("SELECT json_array({}) AS json FROM {} ORDER BY {order}", values.join(", "), table.name)
}

fn write(conn: &mut SqliteConnection, table: &Table, rows: &[Row]) -> Result<(), FileError> {
    let position = |name| table.columns.iter().position(|column| column.name == name);
    let stored = table.columns.iter().enumerate().filter(|(_, column)| !column.name.ends_with(FOLDED));
    let (mut columns, mut values): (Vec<_>, Vec<_>) =
        stored.map(|(at, column)| (format!("\"{}\"", column.name), stored_value(column, at))).unzip();
    if let (Some(user), Some(number)) = (position("user_id"), position("number")) {
        columns.push("key".to_owned());
        values.push(format!("todo_key(unhex(value ->> {user}), CAST(value ->> {number} AS INTEGER))"));
    }
    let insert = format!(
        "INSERT INTO {} ({}) SELECT {} FROM json_each(?) AS part ORDER BY part.key",
        table.name,
        columns.join(", "),
        values.join(", ")
    );
    let json = serde_json::to_string(rows).map_err(|e| FileError::Copy(e.to_string()))?;
    diesel::sql_query(insert).bind::<Text, _>(json).execute(conn)?;
    Ok(())
}

/// The value of a column as a text or null, in SQL.
fn value(column: &Column) -> String {
    let name = column.name;
    if let Some(text) = name.strip_suffix(FOLDED) {
        return format!("folded({text})");
    }
    match column.kind {
        Kind::Text => format!("\"{name}\""),
        Kind::Id | Kind::Bytes => format!("iif({name} IS NULL, NULL, lower(hex({name})))"),
        Kind::Time | Kind::Flag | Kind::Number => format!("CAST({name} AS TEXT)"),
    }
}

/// What to store for the text at the position `at` of the array `value`, in SQL.
fn stored_value(column: &Column, at: usize) -> String {
    let text = format!("value ->> {at}");
    match column.kind {
        Kind::Text => text,
        Kind::Id | Kind::Bytes => format!("unhex({text})"),
        Kind::Time | Kind::Flag | Kind::Number => format!("CAST({text} AS INTEGER)"),
    }
}
