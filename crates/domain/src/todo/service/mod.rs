//! The use cases of single todos, lists and bulk changes.

use std::sync::Arc;

use super::batch::Batch;
use super::change::{Action, Base, Change, Edit, NewTodo};
use super::entity::Todo;
use super::outcome::Outcome;
use super::query::ListQuery;
use super::store::{Commit, Page, TodoStore};
use super::strategy::Strategy;
use super::values::TodoNumber;
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::text::ClientId;
use crate::time::Clock;

/// Reads and changes a user's todos. Every `None` means that the user is gone, or for a read the todo.
#[derive(Clone)]
pub struct TodoService {
    store: Arc<dyn TodoStore>,
    clock: Arc<dyn Clock>,
    quota: u32,
}

impl TodoService {
    /// `quota` is the most live todos a user may have.
    pub fn new(store: Arc<dyn TodoStore>, clock: Arc<dyn Clock>, quota: u32) -> Self {
        Self { store, clock, quota }
    }

    /// The todo; a tombstone only where `include_deleted` asks for it.
    pub async fn get(
        &self,
        user: UserId,
        id: TodoId,
        include_deleted: bool,
    ) -> Result<Option<Todo>, StoreError> {
        let todo = self.store.get(user, id).await?;
        Ok(todo.filter(|todo| include_deleted || !todo.deleted()))
    }

    /// The live todo with this number.
    pub async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        Ok(self.store.get_by_number(user, number).await?.filter(|todo| !todo.deleted()))
    }

    /// Whether the id is another user's todo, for surfaces that tell "not yours" from "not there"; asked only after the user's
    /// own look-up missed.
    pub async fn is_anothers(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.store.is_anothers(user, id).await
    }

    /// One page of the user's list.
    pub async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        self.store.list(user, query).await
    }

    /// Everything that `query` finds, whatever its offset and limit, of one moment. It is read in parts, so that no read takes long; where the
    /// user changes something in between it is read anew, at last in one go.
    pub async fn list_all(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        for _ in 0..Self::TRIES {
            let Some(mut page) = self.part(user, query, 0, Self::PART).await? else { return Ok(None) };
            while (page.todos.len() as u64) < page.total {
                let offset = page.todos.len() as u64;
                let Some(part) = self.part(user, query, offset, Self::PART).await? else { return Ok(None) };
                if part.position != page.position || part.todos.is_empty() {
                    break;
                }
                page.todos.extend(part.todos);
            }
            if page.todos.len() as u64 == page.total {
                return Ok(Some(page));
            }
        }
        self.part(user, query, 0, u32::MAX).await
    }

    /// Todos in one part of a whole list.
    const PART: u32 = 1000;
    /// How often a whole list is begun in parts.
    const TRIES: u32 = 3;

    async fn part(
        &self,
        user: UserId,
        query: &ListQuery,
        offset: u64,
        limit: u32,
    ) -> Result<Option<Page>, StoreError> {
        self.store.list(user, &ListQuery { offset, limit, ..query.clone() }).await
    }

    /// Creates a todo: `Applied`, `Unchanged` (the same again), `IdInUse` or `Rejected`.
    pub async fn create(
        &self,
        user: UserId,
        id: TodoId,
        new: NewTodo,
        client_id: Option<ClientId>,
    ) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change { id, base: Base::Current, action: Action::Create(new), client_id }).await
    }

    /// Edits a live todo: `Applied`, `Unchanged`, `Conflict` or `NotFound`.
    pub async fn edit(
        &self,
        user: UserId,
        id: TodoId,
        base: Base,
        edit: Edit,
        client_id: Option<ClientId>,
    ) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change { id, base, action: Action::Edit(edit), client_id }).await
    }

    /// Turns a live todo's `completed` over: `Applied` or `NotFound`.
    pub async fn toggle(&self, user: UserId, id: TodoId) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change { id, base: Base::Current, action: Action::Toggle, client_id: None }).await
    }

    /// Makes the todo a tombstone: `Applied`, `Unchanged` (it was one), `Conflict` or `NotFound` (it never was).
    pub async fn delete(&self, user: UserId, id: TodoId, base: Base) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change { id, base, action: Action::Delete, client_id: None }).await
    }

    /// Makes a tombstone live: `Applied`, `Unchanged` (it was), `NotFound` or `Rejected` (quota).
    pub async fn restore(&self, user: UserId, id: TodoId) -> Result<Option<Outcome>, StoreError> {
        self.one(user, Change { id, base: Base::Current, action: Action::Restore, client_id: None }).await
    }

    /// Creates all of them or none; an outcome for each, in order.
    pub async fn create_all(
        &self,
        user: UserId,
        items: Vec<(TodoId, NewTodo, Option<ClientId>)>,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let create =
            |(id, new, client_id)| Change { id, base: Base::Current, action: Action::Create(new), client_id };
        self.commit(user, items.into_iter().map(create).collect(), true).await
    }

    /// Edits each of them that can be; an outcome for each, in order.
    pub async fn edit_all(
        &self,
        user: UserId,
        items: Vec<(TodoId, Base, Edit, Option<ClientId>)>,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let edit = |(id, base, edit, client_id)| Change { id, base, action: Action::Edit(edit), client_id };
        self.commit(user, items.into_iter().map(edit).collect(), false).await
    }

    async fn one(&self, user: UserId, change: Change) -> Result<Option<Outcome>, StoreError> {
        let outcomes = self.commit(user, vec![change], false).await?;
        Ok(outcomes.and_then(|mut outcomes| outcomes.pop()))
    }

    async fn commit(
        &self,
        user: UserId,
        changes: Vec<Change>,
        all_or_nothing: bool,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let batch =
            Batch { changes, strategy: Strategy::Manual, all_or_nothing, cursor: None, quota: self.quota };
        match self.store.commit(user, batch, self.clock.now()).await? {
            Commit::Done(outcomes) => Ok(Some(outcomes)),
            // A batch without a cursor has none that could be stale.
            Commit::StaleCursor | Commit::NoSuchUser => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
