//! The baseline on PostgreSQL: diesel-async with pooled connections, recycled without a ping, and
//! cached prepared statements in autocommit.

use diesel::pg::Pg;
use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{OptionalExtension as _, Queryable};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::Stamp;
use domain::text::fold;
use uuid::Uuid;

use super::json::moment;
use super::{Floor, PAGE, Todo};
use crate::Result;

/// Microseconds from 1970, the epoch of stamps, to 2000, the epoch of PostgreSQL.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

macro_rules! columns {
    () => {
        "t.id, t.title, t.description, t.completed_at, t.version, t.client_id, t.created_at, t.updated_at, t.deleted_at"
    };
}

type Columns = (
    SqlUuid,
    Text,
    Nullable<Text>,
    Nullable<Timestamptz>,
    BigInt,
    Nullable<Text>,
    Timestamptz,
    Timestamptz,
    Nullable<Timestamptz>,
);

#[derive(Queryable)]
struct Row {
    id: Uuid,
    title: String,
    description: Option<String>,
    completed_at: Option<PgTimestamp>,
    version: i64,
    client_id: Option<String>,
    created_at: PgTimestamp,
    updated_at: PgTimestamp,
    deleted_at: Option<PgTimestamp>,
}

impl From<Row> for Todo {
    fn from(row: Row) -> Self {
        let at = |at: PgTimestamp| moment(at.0 + POSTGRES_EPOCH);
        Self {
            id: row.id,
            text: row.title,
            description: row.description,
            completed: row.completed_at.is_some(),
            completed_at: row.completed_at.map(at),
            version: row.version,
            client_id: row.client_id,
            created_at: at(row.created_at),
            updated_at: at(row.updated_at),
            deleted_at: row.deleted_at.map(at),
        }
    }
}

/// A statement with a constant text. Diesel caches it by its type, so no request builds it again.
macro_rules! statement {
    ($name:ident { $($field:ident: $value:ty),* } -> $row:ty, $($text:expr, $bound:ident: $sql_type:ty),*; $end:expr) => {
        #[derive(QueryId)]
        struct $name {
            $($field: $value),*
        }

        impl QueryFragment<Pg> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                $(
                    out.push_sql($text);
                    out.push_bind_param::<$sql_type, _>(&self.$bound)?;
                )*
                out.push_sql($end);
                Ok(())
            }
        }

        impl Query for $name {
            type SqlType = $row;
        }
    };
}

statement!(Get { user: Uuid, id: Uuid } -> Columns,
    concat!("select ", columns!(), " from todos t where t.user_id = "), user: SqlUuid,
    " and t.id = ", id: SqlUuid; "");

statement!(List { user: Uuid, limit: i64, offset: i64 } -> (Timestamptz, Timestamptz, Text, BigInt, Nullable<Columns>),
    concat!("select u.sync_clock, u.sync_horizon, (select e.epoch from epochs e order by e.ordinal desc limit 1), u.live_todos::bigint, ",
            columns!(), " from users u left join lateral (select * from todos t where t.user_id = u.id \
            and t.deleted_at is null order by t.created_at desc, t.id limit "), limit: BigInt,
    " offset ", offset: BigInt,
    ") t on true where u.id = ", user: SqlUuid;
    " order by t.created_at desc, t.id");

statement!(Version { user: Uuid, id: Uuid } -> BigInt,
    "select t.version from todos t where t.user_id = ", user: SqlUuid,
    " and t.id = ", id: SqlUuid; "");

statement!(Update { user: Uuid, id: Uuid, title: String, folded: String, now: PgTimestamp, base: i64 } -> Columns,
    "update todos t set version = t.version + 1, title_version = t.version + 1, title = ", title: Text,
    ", title_folded = ", folded: Text,
    ", updated_at = ", now: Timestamptz,
    " where t.user_id = ", user: SqlUuid,
    " and t.id = ", id: SqlUuid,
    " and t.version = ", base: BigInt;
    concat!(" returning ", columns!()));

statement!(Insert { user: Uuid, id: Uuid, title: String, folded: String, now: PgTimestamp } -> Columns,
    "insert into todos as t (number, version, title_version, description_version, completed_version, deleted_version, \
     user_id, id, title, title_folded, created_at, updated_at) values (nextval('todo_numbers'), 1, 1, 1, 1, 1, ",
    user: SqlUuid,
    ", ", id: SqlUuid,
    ", ", title: Text,
    ", ", folded: Text,
    ", ", now: Timestamptz,
    ", ", now: Timestamptz;
    concat!(") returning ", columns!()));

type ListRow = (PgTimestamp, PgTimestamp, String, i64, Option<Row>);

/// A pool of the same size as the server's.
pub struct PostgresFloor(Pool<AsyncPgConnection>);

impl PostgresFloor {
    /// Connects at the first request.
    pub fn new(url: &str) -> Result<Self> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self(Pool::builder(manager).max_size(2 * cores + 4).build()?))
    }
}

fn timestamp(now: Stamp) -> PgTimestamp {
    PgTimestamp(now.as_micros() - POSTGRES_EPOCH)
}

impl Floor for PostgresFloor {
    async fn get(&self, user: Uuid, id: Uuid) -> Result<Option<Todo>> {
        let mut conn = self.0.get().await?;
        let row = Get { user, id }.get_result::<Row>(&mut conn).await.optional()?;
        Ok(row.map(Todo::from))
    }

    async fn list(&self, user: Uuid) -> Result<Vec<Todo>> {
        let mut conn = self.0.get().await?;
        let rows = List { user, limit: PAGE, offset: 0 }.load::<ListRow>(&mut conn).await?;
        Ok(rows.into_iter().filter_map(|(.., row)| row.map(Todo::from)).collect())
    }

    async fn patch(
        &self,
        user: Uuid,
        id: Uuid,
        text: String,
        version: i64,
        now: Stamp,
    ) -> Result<Option<Todo>> {
        let mut conn = self.0.get().await?;
        let current = Version { user, id }.get_result::<i64>(&mut conn).await.optional()?;
        if current != Some(version) {
            return Ok(None);
        }
        let update =
            Update { user, id, folded: fold(&text), title: text, now: timestamp(now), base: version };
        Ok(update.get_result::<Row>(&mut conn).await.optional()?.map(Todo::from))
    }

    async fn create(&self, user: Uuid, id: Uuid, text: String, now: Stamp) -> Result<Todo> {
        let mut conn = self.0.get().await?;
        let insert = Insert { user, id, folded: fold(&text), title: text, now: timestamp(now) };
        Ok(insert.get_result::<Row>(&mut conn).await?.into())
    }
}
