//! Tests of query plans: every statement that finds rows uses an index.

mod accounts;
mod todos;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::sql::{Sql, sql};

/// Tables that no query may scan sequentially.
const TABLES: [&str; 8] = [
    "users",
    "todos",
    "sessions",
    "refresh_tokens",
    "revoked_tokens",
    "external_identities",
    "one_time_tokens",
    "mail_outbox",
];

/// Explains a statement with its bound values.
struct Explain<Q>(Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Explain<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("explain ");
        self.0.walk_ast(out)
    }
}

impl<Q> QueryId for Explain<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Explain<Q> {
    type SqlType = Text;
}

/// Fails unless both the plan for the statement's values and the generic plan read every table by an index
/// and contain `marks`.
async fn assert_plan<Row: Send + 'static>(
    conn: &mut AsyncPgConnection,
    what: &str,
    statement: Sql<'_, Row>,
    marks: &[&str],
) {
    let mut text = <Pg as diesel::backend::Backend>::QueryBuilder::default();
    statement.to_sql(&mut text, &Pg).expect("a text");
    let text = text.finish();
    let count = text.matches('$').count();
    let parameters = if count == 0 { String::new() } else { format!("({})", vec!["null"; count].join(", ")) };
    let custom = Explain(statement).load::<String>(conn).await.expect("a plan").join("\n");
    conn.batch_execute(&format!("prepare explained as {text}")).await.expect("prepares");
    let generic: Sql<'_, Text> =
        sql(Box::leak(format!("explain execute explained{parameters}").into_boxed_str()));
    let generic = generic.load::<String>(conn).await.expect("a plan").join("\n");
    conn.batch_execute("deallocate explained").await.expect("deallocates");
    for (kind, plan) in [("custom", custom), ("generic", generic)] {
        for table in TABLES {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{what}, {kind}:\n{plan}");
        }
        for mark in marks {
            assert!(plan.contains(mark), "{what}, {kind}: no {mark:?} in\n{plan}");
        }
    }
}
