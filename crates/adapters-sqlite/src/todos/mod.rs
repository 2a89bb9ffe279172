//! Todos.

mod commit;
mod list;
mod new_row;
mod read;
mod statements;
mod sweep;

use async_trait::async_trait;
use diesel::prelude::*;
use domain::sync::{Epoch, Position};
use domain::todo::query::ListQuery;
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};

use crate::SqliteStore;
use crate::error::Failure;
use crate::rows::{Id, stamp};
use crate::schema::{database_epoch, users};
use crate::writer::Done;

pub(crate) use list::register_functions;

#[async_trait]
impl TodoStore for SqliteStore {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        self.write(move |conn| commit::commit(conn, user, &batch, now)).await
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
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        self.read(move |conn| read::changes(conn, user, since, limit)).await
    }

    async fn clock(&self, user: UserId) -> Result<Option<Stamp>, StoreError> {
        self.read(move |conn| read::clock(conn, user)).await
    }

    async fn is_anothers(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.read(move |conn| read::is_anothers(conn, user, id)).await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |conn| sweep::sweep(conn, before, limit).map(Done::quiet)).await
    }
}

/// Where a user stands.
struct Standing {
    position: Position,
    /// How many of the user's todos are live.
    live: u32,
}

/// `None` without such a user.
fn standing(conn: &mut SqliteConnection, user: UserId) -> Result<Option<Standing>, Failure> {
    let row: Option<(i64, i64, i64, Option<String>)> = users::table
        .filter(users::id.eq(Id::from(user)))
        .select((
            users::sync_clock,
            users::sync_horizon,
            users::live_todos,
            database_epoch::table.select(database_epoch::epoch).single_value(),
        ))
        .first(conn)
        .optional()?;
    let Some((clock, horizon, live, epoch)) = row else {
        return Ok(None);
    };
    let epoch = epoch.ok_or_else(|| StoreError::corrupt("database_epoch", "epoch", "there is no row"))?;
    let live = u32::try_from(live)
        .map_err(|_| StoreError::corrupt("users", "live_todos", "negative or far too large"))?;
    let position = Position {
        clock: stamp("users", "sync_clock", clock)?,
        horizon: stamp("users", "sync_horizon", horizon)?,
        epoch: Epoch(epoch),
    };
    Ok(Some(Standing { position, live }))
}
