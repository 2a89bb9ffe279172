//! The tables, views and triggers of a database, compared with those that the migrations make.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness;

use super::{MigrateError, applied, unapplied};
use crate::functions;

/// A table, a view or a trigger.
#[derive(Debug, PartialEq, Eq, QueryableByName)]
struct Object {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Names a table, view or trigger that the database has besides those of its migrations, or lacks. A foreign view
/// or trigger would run with this program's statements.
pub(crate) fn difference(conn: &mut SqliteConnection) -> Result<Option<String>, MigrateError> {
    let (found, wanted) = (objects(conn)?, wanted(conn)?);
    let foreign = found.iter().find(|object| !wanted.contains(object));
    if let Some(Object { kind, name }) = foreign {
        return Ok(Some(format!("it has the {kind} {name:?}, which the schema lacks")));
    }
    let missing = wanted.iter().find(|object| !found.contains(object));
    Ok(missing.map(|Object { kind, name }| format!("it lacks the {kind} {name:?}")))
}

/// What an empty database has to which the same migrations were applied.
fn wanted(conn: &mut SqliteConnection) -> Result<Vec<Object>, MigrateError> {
    let versions = applied(conn)?;
    let mut fresh = SqliteConnection::establish(":memory:").map_err(|e| MigrateError::Run(e.to_string()))?;
    functions::register(&mut fresh)?;
    for migration in unapplied(&mut fresh)? {
        if versions.contains(&migration.name().version().as_owned()) {
            fresh.run_migration(&migration)?;
        }
    }
    Ok(objects(&mut fresh)?)
}

/// SQLite makes some tables by itself, and Litestream has two of its own. Indexes run nothing.
fn objects(conn: &mut SqliteConnection) -> QueryResult<Vec<Object>> {
    let query = "SELECT type AS kind, name FROM sqlite_schema WHERE type <> 'index'
        AND NOT (type = 'table' AND name IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4',
                                             '_litestream_seq', '_litestream_lock')) ORDER BY 1, 2";
    diesel::sql_query(query).load(conn)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;

    use super::super::{connect, migrate, revert_last};
    use super::*;

    #[test]
    fn every_version_has_the_objects_of_its_migrations_and_anything_else_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("todos.db");
        migrate(&path).expect("migrates");
        for (change, undo, expected) in [
            ("CREATE VIEW v AS SELECT 1", "DROP VIEW v", "it has the view \"v\", which the schema lacks"),
            ("CREATE TABLE t (x)", "DROP TABLE t", "it has the table \"t\", which the schema lacks"),
            (
                "CREATE TRIGGER \"a\nb\" AFTER INSERT ON epochs BEGIN UPDATE users SET email = 'x'; END",
                "DROP TRIGGER \"a\nb\"",
                "it has the trigger \"a\\nb\", which the schema lacks",
            ),
            ("ALTER TABLE epochs RENAME TO t", "ALTER TABLE t RENAME TO epochs", "it has the table \"t\""),
            ("CREATE TABLE _litestream_seq (id, seq)", "DROP TABLE _litestream_seq", ""),
            ("CREATE INDEX i ON users (email); ANALYZE", "DROP INDEX i", ""),
            ("DROP TABLE mail_outbox", "SELECT 1", "it lacks the table \"mail_outbox\""),
        ] {
            let mut conn = connect(&path).expect("opens");
            conn.batch_execute(change).expect("changes");
            let difference = difference(&mut conn).expect("compares").unwrap_or_default();
            assert!(
                difference.starts_with(expected) && difference.is_empty() == expected.is_empty(),
                "{difference}"
            );
            conn.batch_execute(undo).expect("undoes");
        }
        let path = folder.path().join("older.db");
        migrate(&path).expect("migrates");
        loop {
            assert_eq!(difference(&mut connect(&path).expect("opens")).expect("compares"), None);
            if revert_last(&path, true).expect("reverts").is_none() {
                break;
            }
        }
    }
}
