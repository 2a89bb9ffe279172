//! [`TodoStore`] on PostgreSQL. Each read is one statement, and every change goes through a
//! [committer](crate::committer).

pub(crate) mod changes;
pub(crate) mod get;
pub(crate) mod list;
mod part;
pub(crate) mod tombstones;

use async_trait::async_trait;
use diesel::pg::data_types::PgTimestamp;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::sync::Position;
use domain::todo::query::{Filter, ListKey, ListQuery};
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};

use crate::row_security::RowScope;
use crate::rows::{TodoColumns, TodoRow, position};
use crate::sql::Sql;
use crate::store::PostgresStore;
use crate::turns::Class;

impl PostgresStore {
    async fn find(&self, user: UserId, query: Sql<'_, TodoColumns>) -> Result<Option<Todo>, StoreError> {
        let rows = self.pool.read_of(user, false, async move |mut conn: &AsyncPgConnection| {
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
        let long = query.is_costly();
        let query = list::page(user, query);
        let rows = self.pool.read_of(user, long, async move |mut conn: &AsyncPgConnection| {
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
        let long = limit > ListQuery::LARGEST_CHEAP_PAGE;
        let rows = self.pool.read_of(user, long, async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<changes::ChangeRow>(&mut conn).await?)
        });
        changes::read(rows.await?, limit)
    }

    async fn newest_after(
        &self,
        user: UserId,
        filter: Filter,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Option<Vec<Todo>>, StoreError> {
        let query = list::newest_after(user, filter, after, limit);
        let long = limit > ListQuery::LARGEST_CHEAP_PAGE;
        let rows = self.pool.read_of(user, long, async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<Option<TodoRow>>(&mut conn).await?)
        });
        list::read_part(rows.await?)
    }

    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        let query = get::position(user);
        let rows = self.pool.read_of(user, false, async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<(PgTimestamp, PgTimestamp, String)>(&mut conn).await?)
        });
        rows.await?.pop().map(|(clock, horizon, epoch)| position(clock, horizon, epoch)).transpose()
    }

    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        let query = get::belongs_to_another_user(user, id);
        let class = Class::User { user, long: false };
        let answer =
            self.pool.read_as(class, RowScope::Unrestricted, async move |mut conn: &AsyncPgConnection| {
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
