//! [`TodoStore`] on PostgreSQL. Each read is one statement, and every change goes through a
//! [committer](crate::committer).

pub(crate) mod changes;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod tombstones;

use async_trait::async_trait;
use diesel::pg::data_types::PgTimestamp;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::sync::Position;
use domain::todo::query::ListQuery;
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};

use crate::row_security::RowScope;
use crate::rows::{TodoColumns, TodoRow, position};
use crate::sql::Sql;
use crate::store::PostgresStore;

impl PostgresStore {
    async fn find(&self, user: UserId, query: Sql<'_, TodoColumns>) -> Result<Option<Todo>, StoreError> {
        let rows = self.pool.read(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<TodoRow>(&mut conn).await?)
        });
        rows.await?.pop().map(Todo::try_from).transpose()
    }
}

#[async_trait]
impl TodoStore for PostgresStore {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        self.committers.commit(user, batch, now).await
    }

    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        self.find(user, get::by_id(user, id)).await
    }

    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        self.find(user, get::by_number(user, number)).await
    }

    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        let query = list::page(user, query);
        let rows = self.pool.read(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<list::PageRow>(&mut conn).await?)
        });
        list::read(rows.await?)
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        let query = changes::after(user, since, include_deleted, limit);
        let rows = self.pool.read(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<changes::ChangeRow>(&mut conn).await?)
        });
        changes::read(rows.await?, limit)
    }

    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        let query = get::position(user);
        let rows = self.pool.read(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<(PgTimestamp, PgTimestamp, String)>(&mut conn).await?)
        });
        rows.await?.pop().map(|(clock, horizon, epoch)| position(clock, horizon, epoch)).transpose()
    }

    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        let query = get::belongs_to_another_user(user, id);
        let answer = self.pool.read(RowScope::Unrestricted, async move |mut conn: &AsyncPgConnection| {
            Ok(query.get_result::<bool>(&mut conn).await?)
        });
        answer.await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        tombstones::sweep(&self.pool, before, limit).await
    }

    async fn shrink_tombstones(&self, _before: Stamp, _limit: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}
