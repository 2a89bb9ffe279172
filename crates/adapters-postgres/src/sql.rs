//! Hand-written SQL, for statements that diesel's query builder can't express, such as `unnest` of arrays and
//! lateral joins.
//!
//! A connection caches the prepared form of a statement under its text. Therefore the text consists of fixed
//! pieces, and every value is bound. (`diesel::sql_query` prepares its statement on each call.)

use std::marker::PhantomData;
use std::sync::Arc;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType};

/// A statement that returns rows of the SQL type `Row`. A clone shares the values.
pub(crate) struct Sql<'a, Row> {
    pieces: Vec<Piece<'a>>,
    row: PhantomData<fn() -> Row>,
}

#[derive(Clone)]
enum Piece<'a> {
    Text(&'static str),
    Bound(Arc<dyn QueryFragment<Pg> + Send + Sync + 'a>),
}

/// More than most statements have.
const PIECES: usize = 16;

struct Bound<V, T> {
    value: V,
    sql_type: PhantomData<fn() -> T>,
}

/// Starts a statement with `text`.
pub(crate) fn sql<'a, Row>(text: &'static str) -> Sql<'a, Row> {
    let mut pieces = Vec::with_capacity(PIECES);
    pieces.push(Piece::Text(text));
    Sql { pieces, row: PhantomData }
}

/// Limits a selection to `count` rows, which is as many as it has.
///
/// A session keeps the plan of a statement. Made while the table is small or was never analyzed, a
/// plan may read the whole table. The planner takes an unknown limit for a small one, and small
/// selections are joined by an index.
pub(crate) fn few<'a>(count: usize) -> Sql<'a, ()> {
    sql(" limit ").bind::<BigInt, _>(i64::try_from(count).unwrap_or(i64::MAX))
}

impl<Row> Clone for Sql<'_, Row> {
    fn clone(&self) -> Self {
        Self { pieces: self.pieces.clone(), row: PhantomData }
    }
}

impl<'a, Row> Sql<'a, Row> {
    /// Appends `text`.
    pub(crate) fn sql(mut self, text: &'static str) -> Self {
        self.pieces.push(Piece::Text(text));
        self
    }

    /// Appends a part that another function has made.
    pub(crate) fn append<Other>(mut self, part: Sql<'a, Other>) -> Self {
        self.pieces.extend(part.pieces);
        self
    }

    /// Appends a placeholder for `value`, of the SQL type `T`.
    pub(crate) fn bind<T, V>(mut self, value: V) -> Self
    where
        T: 'a,
        V: ToSql<T, Pg> + Send + Sync + 'a,
        Pg: HasSqlType<T>,
    {
        self.pieces.push(Piece::Bound(Arc::new(Bound { value, sql_type: PhantomData::<fn() -> T> })));
        self
    }
}

impl<V, T> QueryFragment<Pg> for Bound<V, T>
where
    V: ToSql<T, Pg>,
    Pg: HasSqlType<T>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param(&self.value)
    }
}

impl<Row> QueryFragment<Pg> for Sql<'_, Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_sql(text),
                Piece::Bound(value) => value.walk_ast(out.reborrow())?,
            }
        }
        Ok(())
    }
}

impl<Row> QueryId for Sql<'_, Row> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for Sql<'_, Row> {
    type SqlType = Row;
}

/// For the blocking connection of the migrations.
impl<Row, Conn> diesel::RunQueryDsl<Conn> for Sql<'_, Row> {}
