//! [`TodoStore`] on SQLite.

mod commit;
mod list;
mod new_row;
mod read;
mod statements;
mod sync_state;
mod tombstones;

use async_trait::async_trait;
use diesel::SqliteConnection;
use domain::sync::{Epoch, Position};
use domain::todo::query::{Filter, ListKey, ListQuery};
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};

use crate::error::Failure;
use crate::store::SqliteStore;
use crate::writer::Load;
use crate::{epochs, tables};

#[async_trait]
impl TodoStore for SqliteStore {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        let cache = self.epochs.clone();
        let load = Load::of(user, &batch);
        self.write_and_publish(load, move |conn| commit::commit(conn, &cache, user, &batch, now)).await
    }

    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        self.read_of(user, false, move |conn| of_existing(conn, user, |conn| read::by_id(conn, user, id)))
            .await
    }

    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        self.read_of(user, false, move |conn| {
            of_existing(conn, user, |conn| read::by_number(conn, user, number))
        })
        .await
    }

    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        let (query, cache) = (query.clone(), self.epochs.clone());
        self.read_of(user, query.is_costly(), move |conn| list::page(conn, &cache, user, &query)).await
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        let long = limit > Changes::LARGEST_CHEAP_PAGE;
        let cache = self.epochs.clone();
        self.read_of(user, long, move |conn| read::changes(conn, &cache, user, since, include_deleted, limit))
            .await
    }

    async fn newest_after(
        &self,
        user: UserId,
        filter: Filter,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Option<Vec<Todo>>, StoreError> {
        let long = limit > ListQuery::LARGEST_CHEAP_PAGE;
        self.read_of(user, long, move |conn| list::newest_after(conn, user, filter, after, limit)).await
    }

    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        let cache = self.epochs.clone();
        self.read_of(user, false, move |conn| read::position(conn, &cache, user)).await
    }

    async fn clocks(&self, users: &[UserId]) -> Result<Vec<(UserId, Stamp)>, StoreError> {
        let users = users.to_vec();
        self.read(move |conn| read::clocks(conn, &users)).await
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.read(epochs::current).await
    }

    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.read_of(user, false, move |conn| read::belongs_to_another_user(conn, user, id)).await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |conn| tombstones::sweep(conn, before, limit)).await
    }

    async fn shrink_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |conn| tombstones::shrink(conn, before, limit)).await
    }
}

/// The todo that `find` finds, if the user exists.
fn of_existing(
    conn: &mut SqliteConnection,
    user: UserId,
    find: impl FnOnce(&mut SqliteConnection) -> Result<Option<Todo>, Failure>,
) -> Result<Option<Todo>, Failure> {
    if tables::users::exists(conn, user)? { find(conn) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use domain::todo::query::Search;
    use domain_testkit::RecordingBus;
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::*;
    use crate::store::OpenOptions;

    #[tokio::test]
    async fn a_first_sync_does_not_wait_for_another_users_search() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("todos.db");
        crate::migrate(&path).expect("migrates");
        let store = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new()))).expect("opens");
        let [ann, bob] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        let (entered, inside) = mpsc::channel();
        let (open, opened) = mpsc::channel::<()>();
        let mut endless = pin!(store.read_of(ann, true, move |_| {
            entered.send(()).expect("the test waits");
            opened.recv().expect("the test opens");
            Ok(())
        }));
        assert!(timeout(Duration::ZERO, &mut endless).await.is_err());
        inside.recv().expect("is inside");
        for since in [None, Some(Stamp::EPOCH)] {
            let page = store.changes(bob, since, false, Changes::LARGEST_CHEAP_PAGE).await;
            assert_eq!(page.expect("a reader is free"), None, "since {since:?}");
        }
        let query = ListQuery { search: Search::parse("milk"), ..ListQuery::default() };
        let mut search = pin!(store.list(bob, &query));
        assert!(timeout(Duration::from_millis(50), &mut search).await.is_err(), "a second search waits");
        open.send(()).expect("the read waits");
        endless.await.expect("reads");
        assert_eq!(search.await.expect("reads"), None);
    }
}
