//! The port to where todos are kept.

use async_trait::async_trait;

use super::query::ListQuery;
use super::{Batch, Outcome, Todo, TodoNumber};
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::sync::Position;
use crate::time::Stamp;

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is decided, and what it changed is durable.
    Done(Vec<Outcome>),
    /// Its cursor can't be continued; nothing is written.
    StaleCursor,
    /// There is no such user.
    NoSuchUser,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The todos, in the query's order.
    pub todos: Vec<Todo>,
    /// How many the query finds on all pages.
    pub total: u64,
    /// Where the user stood in the snapshot that the page was read from.
    pub position: Position,
}

/// What changed after a stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The todos, tombstones included, in stamp order.
    pub todos: Vec<Todo>,
    /// Whether more changed than were asked for.
    pub has_more: bool,
    /// Where the user stood in the same snapshot.
    pub position: Position,
}

impl Changes {
    /// The stamp up to which this is everything: of the last todo given where there are more, else the user's clock.
    #[must_use]
    pub fn complete_to(&self) -> Stamp {
        match self.todos.last() {
            Some(last) if self.has_more => last.updated_at(),
            _ => self.position.clock,
        }
    }
}

/// Keeps the todos of all users, apart from one another.
///
/// Every method reads and writes rows of the one user it names and no other's. A read sees every commit that was answered
/// before it began.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait TodoStore: Send + Sync {
    /// Decides and writes a batch: the only way a todo changes.
    ///
    /// An implementation MUST, in one transaction, lock the user's clock, load that user's todos the batch names, call
    /// [`Plan::decide`](super::plan::Plan::decide) with `now`, write exactly the plan, and answer after it is durable. Two
    /// batches of one user MUST be decided one after the other, each on what the one before left; a batch that fails MUST leave
    /// nothing behind and MUST NOT make another's fail. It MUST publish the plan's events as
    /// [`EventBus`](crate::event::EventBus) demands. Dropping the returned future MUST leave all of the batch or
    /// nothing of it.
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError>;

    /// The todo, a tombstone too.
    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError>;

    /// The todo with this number, a tombstone too.
    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError>;

    /// One page, its total and the user's position, all of one snapshot; `None` without such a user.
    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError>;

    /// At most `limit` todos changed after `since` (`None`: from the beginning), the earliest, and the user's position, all of
    /// one snapshot; `None` without such a user.
    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError>;

    /// The user's last stamp; `None` without such a user.
    async fn clock(&self, user: UserId) -> Result<Option<Stamp>, StoreError>;

    /// Whether another user than this one has a live todo with this id: all that may be told of it.
    async fn is_anothers(&self, user: UserId, id: TodoId) -> Result<bool, StoreError>;

    /// Removes up to `limit` tombstones deleted before `before`, and moves each user's horizon to the newest stamp among theirs
    /// in the same transaction. How many went.
    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError>;
}
