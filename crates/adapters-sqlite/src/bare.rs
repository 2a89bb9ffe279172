//! Statements without values, such as those around a transaction: `batch_execute` would prepare them anew every time.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sqlite::Sqlite;

/// Runs one statement, whose prepared form the connection keeps under its text.
pub(crate) fn run(conn: &mut SqliteConnection, statement: &'static str) -> QueryResult<()> {
    Bare(statement).execute(conn).map(drop)
}

struct Bare(&'static str);

impl QueryFragment<Sqlite> for Bare {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for Bare {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<SqliteConnection> for Bare {}
