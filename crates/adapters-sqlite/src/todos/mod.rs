//! [`TodoStore`] on SQLite.

mod commit;
mod list;
mod new_row;
mod read;
mod statements;
mod sweep;
mod sync_state;

use async_trait::async_trait;
use domain::sync::Position;
use domain::todo::query::ListQuery;
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};

use crate::store::SqliteStore;

#[async_trait]
impl TodoStore for SqliteStore {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        self.write_and_publish(move |conn| commit::commit(conn, user, &batch, now)).await
    }

    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        self.read(move |conn| read::by_id(conn, user, id)).await
    }

    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        self.read(move |conn| read::by_number(conn, user, number)).await
    }

    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        let query = query.clone();
        self.read(move |conn| list::page(conn, user, &query)).await
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        self.read(move |conn| read::changes(conn, user, since, include_deleted, limit)).await
    }

    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        self.read(move |conn| read::position(conn, user)).await
    }

    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.read(move |conn| read::belongs_to_another_user(conn, user, id)).await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |conn| sweep::sweep(conn, before, limit)).await
    }

    async fn shrink_tombstones(&self, _before: Stamp, _limit: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}
