//! Statements without bound values, such as `BEGIN`, prepared once per connection.
//!
//! Diesel's `batch_execute` prepares its text again on every call.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sqlite::Sqlite;

/// Runs one statement. The connection caches its prepared form under its text.
pub(crate) fn execute(conn: &mut SqliteConnection, statement: &'static str) -> QueryResult<()> {
    CachedStatement(statement).execute(conn).map(drop)
}

struct CachedStatement(&'static str);

impl QueryFragment<Sqlite> for CachedStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for CachedStatement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<SqliteConnection> for CachedStatement {}
