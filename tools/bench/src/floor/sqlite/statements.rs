//! The tables, and the statements that are prepared once.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::Sqlite;
use uuid::Uuid;

use crate::floor::Todo;
use crate::floor::json::moment;

diesel::table! {
    users (id) {
        id -> Binary,
        sync_clock -> BigInt,
        sync_horizon -> BigInt,
        live_todos -> BigInt,
    }
}

diesel::table! {
    todos (user_id, id) {
        user_id -> Binary,
        id -> Binary,
        title -> Text,
        description -> Nullable<Text>,
        completed_at -> Nullable<BigInt>,
        version -> BigInt,
        client_id -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

macro_rules! columns {
    () => {
        "id, title, description, completed_at, version, client_id, created_at, updated_at, deleted_at"
    };
}

type Columns = (
    Binary,
    Text,
    Nullable<Text>,
    Nullable<BigInt>,
    BigInt,
    Nullable<Text>,
    BigInt,
    BigInt,
    Nullable<BigInt>,
);

#[derive(Queryable, Selectable)]
#[diesel(table_name = todos)]
pub struct Row {
    id: Vec<u8>,
    title: String,
    description: Option<String>,
    completed_at: Option<i64>,
    version: i64,
    client_id: Option<String>,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
}

impl From<Row> for Todo {
    fn from(row: Row) -> Self {
        Self {
            id: Uuid::from_slice(&row.id).unwrap_or_default(),
            text: row.title,
            description: row.description,
            completed: row.completed_at.is_some(),
            completed_at: row.completed_at.map(moment),
            version: row.version,
            client_id: row.client_id,
            created_at: moment(row.created_at),
            updated_at: moment(row.updated_at),
            deleted_at: row.deleted_at.map(moment),
        }
    }
}

/// The conditional update, cached by its type, unlike the one that diesel builds.
#[derive(QueryId)]
pub struct Update {
    pub user: [u8; 16],
    pub id: [u8; 16],
    pub title: String,
    pub now: i64,
    pub base: i64,
}

impl QueryFragment<Sqlite> for Update {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE todos SET version = version + 1, title_version = version + 1, title = ");
        out.push_bind_param::<Text, _>(&self.title)?;
        out.push_sql(", updated_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" WHERE user_id = ");
        out.push_bind_param::<Binary, _>(&self.user)?;
        out.push_sql(" AND id = ");
        out.push_bind_param::<Binary, _>(&self.id)?;
        out.push_sql(" AND version = ");
        out.push_bind_param::<BigInt, _>(&self.base)?;
        out.push_sql(concat!(" RETURNING ", columns!()));
        Ok(())
    }
}

impl Query for Update {
    type SqlType = Columns;
}

impl RunQueryDsl<SqliteConnection> for Update {}

/// The insertion.
#[derive(QueryId)]
pub struct Insert {
    /// Where the user's rows are, as the server places them.
    pub cluster: i64,
    pub user: [u8; 16],
    pub id: [u8; 16],
    pub title: String,
    pub now: i64,
}

impl QueryFragment<Sqlite> for Insert {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO todos (key, number, version, title_version, description_version, completed_version, deleted_version, \
             user_id, id, title, created_at, updated_at) \
             VALUES ((SELECT next FROM todo_numbers) + ",
        );
        out.push_bind_param::<BigInt, _>(&self.cluster)?;
        out.push_sql(", (SELECT next FROM todo_numbers), 1, 1, 1, 1, 1, ");
        out.push_bind_param::<Binary, _>(&self.user)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.title)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(concat!(") RETURNING ", columns!()));
        Ok(())
    }
}

impl Query for Insert {
    type SqlType = Columns;
}

impl RunQueryDsl<SqliteConnection> for Insert {}

/// Increments the next number.
#[derive(QueryId)]
pub struct NextNumber;

impl QueryFragment<Sqlite> for NextNumber {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE todo_numbers SET next = next + 1");
        Ok(())
    }
}

impl RunQueryDsl<SqliteConnection> for NextNumber {}
