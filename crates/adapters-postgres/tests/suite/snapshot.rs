//! The content of a database as a whole.

use adapters_postgres::migrate;
use domain::snapshot::TABLES;
use postgres_testbed::{Role, Testbed};

/// Columns that follow from others, or that the database assigns, and those of the revocations' counter.
const DERIVED: [&str; 8] = [
    "epochs.stored",
    "epochs.timeline",
    "revocation_counter.last",
    "revocation_counter.singleton",
    "revoked_tokens.id",
    "revoked_tokens.ordinal",
    "todos.completed",
    "todos.title_key",
];

#[tokio::test]
async fn a_snapshot_has_every_column_of_the_schema() {
    let database = Testbed::shared().create_database("snapshot");
    migrate(&database.owner_url(), &database.app_url()).await.expect("up");
    let columns = "select table_name || '.' || column_name from information_schema.columns
        where table_schema = 'public' and table_name not like '\\_\\_%'";
    let columns = database.sql(Role::Owner, columns).expect("read");
    let mut columns: Vec<_> = columns.lines().filter(|column| !DERIVED.contains(column)).collect();
    columns.sort_unstable();
    let known = TABLES
        .iter()
        .filter(|table| table.name != "todo_numbers")
        .flat_map(|table| table.columns.iter().map(move |column| format!("{}.{}", table.name, column.name)));
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    assert_eq!(known, columns);
}
