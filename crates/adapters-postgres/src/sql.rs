//! Statements written by hand, for what the query builder can't say: arrays turned into rows, lateral joins, one
//! answer in one statement.
//!
//! A connection keeps the prepared form of each under its text, so a text must be made of a few fixed pieces and hold
//! no values: those are bound. (`diesel::sql_query` prepares anew every time.)

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

/// A statement whose rows are of the SQL type `Row`.
pub(crate) struct Sql<'a, Row> {
    pieces: Vec<Piece<'a>>,
    row: PhantomData<fn() -> Row>,
}

enum Piece<'a> {
    Text(&'static str),
    Bound(Box<dyn QueryFragment<Pg> + Send + 'a>),
}

struct Bound<V, T> {
    value: V,
    sql_type: PhantomData<fn() -> T>,
}

/// A statement that begins with `text`.
pub(crate) fn sql<'a, Row>(text: &'static str) -> Sql<'a, Row> {
    Sql { pieces: vec![Piece::Text(text)], row: PhantomData }
}

impl<'a, Row> Sql<'a, Row> {
    /// Goes on with `text`.
    pub(crate) fn sql(mut self, text: &'static str) -> Self {
        self.pieces.push(Piece::Text(text));
        self
    }

    /// Goes on with a placeholder for `value`, of the SQL type `T`.
    pub(crate) fn bind<T, V>(mut self, value: V) -> Self
    where
        T: 'a,
        V: ToSql<T, Pg> + Send + 'a,
        Pg: HasSqlType<T>,
    {
        self.pieces.push(Piece::Bound(Box::new(Bound { value, sql_type: PhantomData::<fn() -> T> })));
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
