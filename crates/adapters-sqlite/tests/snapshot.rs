//! The content of a database as a whole.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::snapshot::TABLES;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Columns that follow from others, or that the store assigns.
const DERIVED: [&str; 4] = ["todos.completed", "todos.key", "todo_numbers.id", "revoked_tokens.id"];
/// Columns that only other databases store. This one computes them when it is read.
const COMPUTED: [&str; 2] = ["todos.title_folded", "todos.description_folded"];

#[test]
fn a_snapshot_has_every_column_of_the_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("todos.db");
    adapters_sqlite::migrate(&path).expect("migrated");
    let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("opens");
    let query =
        "SELECT t.name || '.' || c.name AS line FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '__diesel_schema_migrations'";
    let columns: Vec<Line> = diesel::sql_query(query).load(&mut conn).expect("read");
    let mut columns: Vec<_> = columns.into_iter().map(|column| column.line).collect();
    columns.retain(|column| !DERIVED.contains(&column.as_str()));
    columns.sort_unstable();
    let mut known: Vec<_> = TABLES
        .iter()
        .flat_map(|table| table.columns.iter().map(move |column| format!("{}.{}", table.name, column.name)))
        .filter(|column| !COMPUTED.contains(&column.as_str()))
        .collect();
    known.sort_unstable();
    assert_eq!(known, columns);
}
