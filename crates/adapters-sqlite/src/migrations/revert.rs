//! Reverts a migration, and finds out what is lost with it.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::MigrationHarness;

use super::{MIGRATIONS, MigrateError, applied, connect, name_of, refuse_newer};

/// The columns and the number of rows of each table.
pub type Contents = BTreeMap<String, (Vec<String>, i64)>;

/// A reverted migration, and the tables before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversion {
    pub name: String,
    pub before: Contents,
    pub after: Contents,
}

/// Reverts the last applied migration. `None` if none is applied. Unless `keep` is set, everything is rolled
/// back, which shows what would be lost.
pub fn revert_last(path: &Path, keep: bool) -> Result<Option<Reversion>, MigrateError> {
    let mut reversion = None;
    let outcome: Result<(), MigrateError> = connect(path)?.exclusive_transaction(|conn| {
        refuse_newer(conn)?;
        if applied(conn)?.is_empty() {
            return Ok(());
        }
        let before = contents(conn)?;
        let name = name_of(&conn.revert_last_migration(MIGRATIONS)?)?;
        reversion = Some(Reversion { name, before, after: contents(conn)? });
        if keep { Ok(()) } else { Err(diesel::result::Error::RollbackTransaction.into()) }
    });
    if keep || reversion.is_none() {
        outcome?;
    }
    Ok(reversion)
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    column: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn contents(conn: &mut SqliteConnection) -> QueryResult<Contents> {
    let columns: Vec<Column> = sql_query(
        "SELECT t.name AS \"table\", c.name AS \"column\" FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '__diesel_schema_migrations'",
    )
    .load(conn)?;
    let mut contents = Contents::new();
    for Column { table, column } in columns {
        contents.entry(table).or_default().0.push(column);
    }
    for (table, (_, rows)) in &mut contents {
        *rows =
            sql_query(format!("SELECT count(*) AS rows FROM \"{table}\"")).get_result::<Count>(conn)?.rows;
    }
    Ok(contents)
}
