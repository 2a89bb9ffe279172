//! The port to the database of todos.

use async_trait::async_trait;

use super::batch::Batch;
use super::entity::Todo;
use super::outcome::Decided;
use super::query::{Filter, ListKey, ListQuery};
use super::values::TodoNumber;
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::sync::cursor::{Position, StaleCursor};
use crate::sync::history::Epoch;
use crate::time::Stamp;

/// The bytes of texts and metadata after which a part of a long read ends.
pub const PART_BYTES: usize = 2 * 1024 * 1024;

/// The outcome of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The batch is decided, and what it changed is durable.
    Done(Decided),
    /// The batch's cursor can't be continued. No todo is written.
    StaleCursor(StaleCursor),
    NoSuchUser,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order that the query asks for.
    pub todos: Vec<Todo>,
    /// The number of todos on all pages.
    pub total: u64,
    /// The user's position in the snapshot that the page was read from.
    pub position: Position,
}

/// The todos that changed after a stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// In stamp order.
    pub todos: Vec<Todo>,
    /// Whether more todos changed than these.
    pub has_more: bool,
    /// The user's position in the same snapshot.
    pub position: Position,
}

impl Changes {
    /// The largest page that counts as cheap: 1,000 todos, and as many that the device may have sent.
    /// A page ends at [`PART_BYTES`] of text too, wherever it begins, so that a device that starts
    /// need not wait for other users' searches.
    pub const LARGEST_CHEAP_PAGE: u32 = 2_000;

    /// The stamp up to which these changes are complete: that of the last todo if there are more,
    /// else the user's clock.
    #[must_use]
    pub fn complete_to(&self) -> Stamp {
        match self.todos.last() {
            Some(last) if self.has_more => last.updated_at(),
            _ => self.position.clock,
        }
    }

    /// Leaves out the todos after the one with which the texts reach `bytes`.
    pub fn cut(&mut self, bytes: usize) {
        let mut sum = 0;
        let reaches = |todo: &Todo| {
            sum += todo.stored_bytes();
            sum >= bytes as u64
        };
        if let Some(last) = self.todos.iter().position(reaches) {
            self.has_more |= last + 1 < self.todos.len();
            self.todos.truncate(last + 1);
        }
    }
}

/// Stores the todos of all users, and keeps the users' data apart.
///
/// Every method reads and writes rows of the user it names, and of no other. A read sees every
/// commit that was answered before the read began.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait TodoStore: Send + Sync {
    /// Decides and writes a batch. Nothing else changes a todo.
    ///
    /// In one transaction, an implementation MUST lock the user's row, load it and what
    /// [`UserState::new`](super::plan::UserState::new) asks for, call
    /// [`Plan::decide`](super::plan::Plan::decide) with `now`, and write exactly the plan. It MUST
    /// answer only after the transaction is durable, and MUST publish the plan's events as
    /// [`EventBus`](super::EventBus) demands.
    ///
    /// Two batches of one user MUST be decided one after the other, each on the state that the
    /// earlier one left. A batch that fails MUST leave nothing behind, and MUST NOT make another
    /// batch fail. If the caller drops the returned future, either all of the batch or none of it
    /// MUST be written.
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError>;

    /// Returns the todo, even if it is a tombstone.
    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError>;

    /// Returns the todo with this number, even if it is a tombstone.
    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError>;

    /// Returns one page, the total and the user's position, all from one snapshot. `None` if there
    /// is no such user.
    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError>;

    /// Returns the earliest todos, at most `limit`, that changed after `since` (`None`: from the
    /// beginning), and the user's position, all from one snapshot. `None` if there is no such user.
    /// Tombstones are left out unless `include_deleted` is set; then none takes a place on the page.
    ///
    /// The last todo is the one with which the texts reach [`PART_BYTES`], if that comes before
    /// `limit`. An implementation MUST NOT load the todos after it.
    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError>;

    /// Returns the live todos that `filter` selects and that follow `after` (`None`: from the
    /// beginning) in the list of the newest todos, at most `limit`, and no more than
    /// [`Self::changes`] would. `None` if there is no such user.
    ///
    /// A caller reads a long list in parts, each after the last todo of the one before. Each todo
    /// that is live and selected all the while occurs once.
    async fn newest_after(
        &self,
        user: UserId,
        filter: Filter,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Option<Vec<Todo>>, StoreError>;

    /// Returns the user's position. `None` if there is no such user.
    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError>;

    /// Returns the clock of each of these users that exists, read in one statement. A reader that
    /// knows a user's changes up to an earlier stamp has missed some.
    async fn clocks(&self, users: &[UserId]) -> Result<Vec<(UserId, Stamp)>, StoreError>;

    /// The epoch of the database. A user's own epoch may have a counter after it.
    async fn epoch(&self) -> Result<Epoch, StoreError>;

    /// Whether a user other than this one has a live todo with this id. The store reveals nothing
    /// else about it.
    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError>;

    /// Removes up to `limit` tombstones deleted before `before`. In the same transaction, moves
    /// each user's horizon to the newest stamp among that user's removed tombstones, and adjusts
    /// the number of tombstones and of stored bytes. Returns how many it removed.
    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes the texts of up to `limit` tombstones deleted before `before`, and in the same
    /// transaction adjusts the number of stored bytes. Version, stamp and number of a tombstone
    /// stay, and no event is published. Returns how many it changed.
    async fn shrink_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError>;
}
