//! The use cases: single todos, lists and bulk changes.

mod by_number;
mod owned;
mod parts;
mod precondition;

pub use owned::Owned;
pub use precondition::Precondition;

use std::sync::Arc;

use super::batch::Batch;
use super::change::{Action, Base, Change, Edit, NewTodo};
use super::entity::Todo;
use super::limits::StorageLimits;
use super::outcome::Outcome;
use super::query::{Filter, ListKey, ListQuery};
use super::store::{Commit, Page, TodoStore};
use super::strategy::Strategy;
use super::values::TodoNumber;
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::sync::cursor::{Cursor, StaleCursor};
use crate::text::ClientId;
use crate::time::Clock;

/// The outcome of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListOutcome {
    Done(Page),
    /// The todos that changed after [`ListQuery::since`] do not include everything that the client lacks.
    StaleCursor(StaleCursor),
    NoSuchUser,
}

/// Reads and changes a user's todos. `None` always means that the user does not exist or, for a
/// read, that the todo does not exist.
#[derive(Clone)]
pub struct TodoService {
    store: Arc<dyn TodoStore>,
    clock: Arc<dyn Clock>,
    limits: StorageLimits,
}

impl TodoService {
    /// Writes within `limits`.
    pub fn new(store: Arc<dyn TodoStore>, clock: Arc<dyn Clock>, limits: StorageLimits) -> Self {
        Self { store, clock, limits }
    }

    /// Returns the todo, or a tombstone only if `include_deleted`.
    pub async fn get(
        &self,
        user: UserId,
        id: TodoId,
        include_deleted: bool,
    ) -> Result<Option<Todo>, StoreError> {
        let todo = self.store.get(user, id).await?;
        Ok(todo.filter(|todo| include_deleted || !todo.deleted()))
    }

    /// Returns the live todo with this number.
    pub async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        Ok(self.store.get_by_number(user, number).await?.filter(|todo| !todo.deleted()))
    }

    /// Returns one page of the user's list, if the server can continue from [`ListQuery::since`].
    pub async fn list(&self, user: UserId, query: &ListQuery) -> Result<ListOutcome, StoreError> {
        let Some(page) = self.store.list(user, query).await? else { return Ok(ListOutcome::NoSuchUser) };
        Ok(match Cursor::at(query.since).check(&page.position) {
            Ok(()) => ListOutcome::Done(page),
            Err(stale) => ListOutcome::StaleCursor(stale),
        })
    }

    /// Returns the next part of the list of the newest todos, which follows `after`; empty at the
    /// end. See [`TodoStore::newest_after`].
    pub async fn newest_after(
        &self,
        user: UserId,
        filter: Filter,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Option<Vec<Todo>>, StoreError> {
        self.store.newest_after(user, filter, after, limit).await
    }

    /// Creates a todo. The outcome is `Applied`, `Unchanged` if the same todo exists, `IdInUse` or
    /// `Rejected`.
    pub async fn create(
        &self,
        user: UserId,
        id: TodoId,
        new: NewTodo,
        client_id: Option<ClientId>,
    ) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change { id, base: Base::Current, action: Action::Create(new), client_id }).await
    }

    /// Edits a live todo. The outcome is `Applied`, `Unchanged`, `Conflict` or `NotFound`.
    pub async fn edit(
        &self,
        user: UserId,
        id: TodoId,
        precondition: Precondition,
        edit: Edit,
        client_id: Option<ClientId>,
    ) -> Result<Option<Outcome>, StoreError> {
        let change = Change { id, base: Base::Current, action: Action::Edit(edit), client_id };
        self.change_if(user, precondition, change).await
    }

    /// Inverts `completed` of a live todo. The outcome is `Applied` or `NotFound`.
    pub async fn toggle(&self, user: UserId, id: TodoId) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change::new(id, Base::Current, Action::Toggle)).await
    }

    /// Makes the todo a tombstone. The outcome is `Applied`, `Unchanged` if it is one already,
    /// `Conflict` or `NotFound`.
    pub async fn delete(
        &self,
        user: UserId,
        id: TodoId,
        precondition: Precondition,
    ) -> Result<Option<Outcome>, StoreError> {
        self.change_if(user, precondition, Change::new(id, Base::Current, Action::Delete)).await
    }

    /// Makes a tombstone live again. The outcome is `Applied`, `Unchanged` if the todo is live,
    /// `NotFound` or `Rejected` (quota).
    pub async fn restore(&self, user: UserId, id: TodoId) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change::new(id, Base::Current, Action::Restore)).await
    }

    /// Creates every todo that can be created, and skips the others. Returns an outcome for each,
    /// in order.
    ///
    /// A long list is several commits, so that it neither delays other writes nor occupies memory for
    /// long. If a commit fails, the earlier ones stay: the todos that a repeat finds in place are
    /// `Unchanged` or, if they have changed meanwhile, `IdInUse`.
    pub async fn create_each(
        &self,
        user: UserId,
        items: Vec<(TodoId, NewTodo, Option<ClientId>)>,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let create =
            |(id, new, client_id)| Change { id, base: Base::Current, action: Action::Create(new), client_id };
        self.commit_in_parts(user, items.into_iter().map(create).collect()).await
    }

    /// Edits every todo that can be edited, and skips the others. Returns an outcome for each, in
    /// order.
    ///
    /// A long list is several commits, as in [`Self::create_each`]; the edits of one todo share a
    /// commit. If a commit fails, the earlier ones stay: a repeat finds their edits `Unchanged`, unless
    /// the todo has changed meanwhile.
    pub async fn edit_all(
        &self,
        user: UserId,
        items: Vec<(TodoId, Base, Edit, Option<ClientId>)>,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let edit = |(id, base, edit, client_id)| Change { id, base, action: Action::Edit(edit), client_id };
        self.commit_in_parts(user, items.into_iter().map(edit).collect()).await
    }

    async fn one(&self, user: UserId, change: Change) -> Result<Option<Outcome>, StoreError> {
        let outcomes = self.commit(user, vec![change]).await?;
        Ok(outcomes.and_then(|mut outcomes| outcomes.pop()))
    }

    /// Returns the outcomes in the order of the changes.
    async fn commit_in_parts(
        &self,
        user: UserId,
        changes: Vec<Change>,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for part in parts::of(changes) {
            let (places, changes): (Vec<_>, _) = part.into_iter().unzip();
            let Some(decided) = self.commit(user, changes).await? else { return Ok(None) };
            outcomes.extend(places.into_iter().zip(decided));
        }
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        Ok(Some(outcomes.into_iter().map(|(_, outcome)| outcome).collect()))
    }

    async fn commit(&self, user: UserId, changes: Vec<Change>) -> Result<Option<Vec<Outcome>>, StoreError> {
        let batch = Batch { changes, strategy: Strategy::Manual, cursor: None, limits: self.limits };
        match self.store.commit(user, batch, self.clock.now()).await? {
            Commit::Done(decided) => Ok(Some(decided.outcomes)),
            // A batch without a cursor is never stale.
            Commit::StaleCursor(_) | Commit::NoSuchUser => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
