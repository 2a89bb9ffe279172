//! [`TodoStore`] on PostgreSQL. Each read is one statement, and every change goes through a
//! [committer](crate::committer).

pub(crate) mod changes;
pub(crate) mod get;
pub(crate) mod list;
mod part;
pub(crate) mod title_keys;
pub(crate) mod tombstones;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::pg::data_types::PgTimestamp;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::sync::{Epoch, Position};
use domain::todo::query::{Filter, ListKey, ListQuery, SortBy};
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};
use uuid::Uuid;

use crate::epochs::EpochCache;
use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{self, PositionRow, TodoColumns, TodoRow, stamp};
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

    /// Computes the sort keys that an older version of this program did not write.
    async fn renew_title_keys(&self, user: UserId) -> Result<(), StoreError> {
        let are_missing = self.pool.read_of(user, false, async move |mut conn: &AsyncPgConnection| {
            Ok(title_keys::are_missing(user).get_result::<bool>(&mut conn).await?)
        });
        if are_missing.await?
            && let Err(error) = title_keys::renew(&self.pool, user).await
        {
            // A database that takes no writes still lists the todos: those without a key come first.
            tracing::warn!(%error, "some titles are sorted without their keys");
        }
        Ok(())
    }
}

/// Converts a user's position. It needs another round trip only if a new epoch began.
async fn position(
    conn: &AsyncPgConnection,
    cache: &EpochCache,
    row: PositionRow,
) -> Result<Position, Failure> {
    let (.., epoch) = &row;
    let epochs = cache.get(conn, epoch).await?;
    Ok(rows::position(row, epochs)?)
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
        if query.sort == SortBy::Title {
            self.renew_title_keys(user).await?;
        }
        let cache = &self.epochs;
        let found = self.pool.read_of(user, long, async move |conn: &AsyncPgConnection| {
            let Some((row, total, todos)) = list::load(conn, user, query).await? else { return Ok(None) };
            Ok(Some(Page { todos, total, position: position(conn, cache, row).await? }))
        });
        found.await
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        let after = changes::After { user, since, include_deleted, limit };
        let long = limit > Changes::LARGEST_CHEAP_PAGE;
        let cache = &self.epochs;
        let found = self.pool.read_of(user, long, async move |conn: &AsyncPgConnection| {
            let Some((row, todos)) = after.load(conn).await? else { return Ok(None) };
            Ok(Some((todos, position(conn, cache, row).await?)))
        });
        found.await?.map(|(todos, position)| changes::read(todos, position, limit)).transpose()
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
        let (query, cache) = (get::position(user), Arc::clone(&self.epochs));
        let found = self.pool.read_of(user, false, async move |mut conn: &AsyncPgConnection| {
            match query.load::<PositionRow>(&mut conn).await?.pop() {
                Some(row) => Ok(Some(position(conn, &cache, row).await?)),
                None => Ok(None),
            }
        });
        found.await
    }

    async fn clocks(&self, users: &[UserId]) -> Result<Vec<(UserId, Stamp)>, StoreError> {
        let (query, scope) = (get::clocks(users), RowScope::Users(users.to_vec()));
        let found = self.pool.read(scope, async move |mut conn: &AsyncPgConnection| {
            Ok(query.load::<(Uuid, PgTimestamp)>(&mut conn).await?)
        });
        let clock = |(user, clock)| Ok((UserId(user), stamp("users", "sync_clock", clock)?));
        found.await?.into_iter().map(clock).collect()
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        let cache = Arc::clone(&self.epochs);
        let list = self.pool.read(RowScope::Unrestricted, async move |conn: &AsyncPgConnection| {
            EpochCache::load(&cache, conn).await
        });
        Ok(list.await?.current().1.clone())
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

    async fn shrink_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        tombstones::shrink(&self.pool, before, limit).await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use domain::todo::query::Search;
    use domain_testkit::RecordingBus;
    use postgres_testbed::Testbed;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;
    use crate::epochs::EpochSource;
    use crate::row_security::RowSecurity;
    use crate::store::Options;

    #[tokio::test]
    async fn a_first_sync_does_not_wait_for_another_users_search() {
        let database = Testbed::shared().create_database("first_sync");
        crate::migrate(&database.owner_url(), &database.app_url()).await.expect("migrates");
        let options = Options {
            url: database.app_url(),
            // One connection is kept for the server itself, and of the others one runs no long read.
            pool_size: 3,
            timeout: Duration::from_hours(1),
            row_security: RowSecurity::Writes,
            epoch_source: EpochSource::Stored,
            bus: Arc::new(RecordingBus::new()),
            echo: false,
            background: None,
        };
        let store = PostgresStore::connect(options).await.expect("connects");
        let [ann, bob] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        let inside = Arc::new(Notify::new());
        let entered = Arc::clone(&inside);
        let endless = store.pool.read_of(ann, true, async move |_: &AsyncPgConnection| {
            entered.notify_one();
            std::future::pending::<Result<(), Failure>>().await
        });
        let others = async {
            inside.notified().await;
            for since in [None, Some(Stamp::EPOCH)] {
                let page = store.changes(bob, since, false, Changes::LARGEST_CHEAP_PAGE).await;
                assert_eq!(page.expect("a connection is free"), None, "since {since:?}");
            }
            let query = ListQuery { search: Search::parse("milk"), ..ListQuery::default() };
            let mut search = pin!(store.list(bob, &query));
            assert!(timeout(Duration::from_millis(50), &mut search).await.is_err(), "a second search waits");
        };
        tokio::select! {
            answer = endless => panic!("it does not end: {answer:?}"),
            () = others => {}
        }
    }
}
