//! Reverts a migration, and finds out what is lost with it.

use std::collections::BTreeMap;
use std::error::Error;

use diesel::connection::Connection as _;
use diesel::query_dsl::RunQueryDsl as _;
use diesel::result::Error as SqlError;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, sql_query};
use diesel_migrations::MigrationHarness as _;

use super::{Harness, MIGRATIONS, MigrateError, blocking, connect, lock, name_of, refuse_newer, target};

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
    let mut conn = lock(connect(&target(url)?).await?).await?;
    refuse_newer(&mut conn).await?;
    let (_, reversion) = blocking(conn, move |harness| {
        if harness.applied_migrations()?.is_empty() {
            return Ok(None);
        }
        let mut reversion = None;
        let outcome = harness.transaction(|harness| {
            let before = contents(harness)?;
            let version = harness.revert_last_migration(MIGRATIONS).map_err(Failed)?;
            let name = name_of(&version.to_string());
            reversion = Some(Reversion { name, before, after: contents(harness)? });
            if keep { Ok(()) } else { Err(Failed(Box::new(SqlError::RollbackTransaction))) }
        });
        if keep || reversion.is_none() {
            outcome.map_err(|Failed(error)| error)?;
        }
        Ok(reversion)
    })
    .await?;
    Ok(reversion)
}

/// Why the transaction failed. Diesel's transactions need a type that converts from its error.
struct Failed(Box<dyn Error + Send + Sync>);

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self(Box::new(error))
    }
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
