//! Reverts a migration, and finds out what is lost with it.

use std::collections::BTreeMap;

use diesel::query_dsl::RunQueryDsl as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, sql_query};
use diesel_migrations::MigrationHarness as _;

use super::lock::{LockTimeouts, locked};
use super::{Harness, MIGRATIONS, MigrateError, connect, name_of, refuse_newer, target};

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
pub async fn revert_last(url: &str, keep: bool) -> Result<Option<Reversion>, MigrateError> {
    let conn = connect(&target(url)?).await?;
    let (_, reversion) = locked(conn, LockTimeouts::USUAL, keep, |harness| {
        refuse_newer(harness)?;
        if harness.applied_migrations()?.is_empty() {
            return Ok(None);
        }
        let before = contents(harness)?;
        let version = harness.revert_last_migration(MIGRATIONS)?;
        let name = name_of(&version.to_string());
        Ok(Some(Reversion { name, before, after: contents(harness)? }))
    })
    .await?;
    Ok(reversion)
}

#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    column: String,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn contents(conn: &mut Harness) -> QueryResult<Contents> {
    let columns: Vec<Column> = sql_query(
        "select c.table_name::text as \"table\", c.column_name::text as \"column\"
         from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
         where table_schema = current_schema() and t.table_type = 'BASE TABLE'
             and table_name <> '__diesel_schema_migrations'
         order by c.ordinal_position",
    )
    .load(conn)?;
    let mut contents = Contents::new();
    for Column { table, column } in columns {
        contents.entry(table).or_default().0.push(column);
    }
    for (table, (_, rows)) in &mut contents {
        *rows =
            sql_query(format!("select count(*) as rows from \"{table}\"")).get_result::<Count>(conn)?.rows;
    }
    Ok(contents)
}
