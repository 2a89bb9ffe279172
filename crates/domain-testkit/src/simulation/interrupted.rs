//! A store that can commit another batch between a device's write and its read.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::sync::{Epoch, Position};
use domain::todo::query::{Filter, ListKey, ListQuery};
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};

/// Forwards everything to another store.
pub struct InterruptedStore {
    inner: Arc<dyn TodoStore>,
    pending: Mutex<Option<(Batch, Stamp)>>,
    done: Mutex<Option<Commit>>,
}

impl InterruptedStore {
    /// In front of `inner`.
    pub fn new(inner: Arc<dyn TodoStore>) -> Self {
        Self { inner, pending: Mutex::default(), done: Mutex::default() }
    }

    /// Commits `batch` immediately before the next read.
    pub fn commit_before_next_read(&self, batch: Batch, now: Stamp) {
        *self.pending.lock().expect("no holder panicked") = Some((batch, now));
    }

    /// The result of that batch, once it is committed.
    pub fn take_result(&self) -> Option<Commit> {
        self.done.lock().expect("no holder panicked").take()
    }
}

#[async_trait]
impl TodoStore for InterruptedStore {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        self.inner.commit(user, batch, now).await
    }

    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        self.inner.get(user, id).await
    }

    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        self.inner.get_by_number(user, number).await
    }

    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        self.inner.list(user, query).await
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        let pending = self.pending.lock().expect("no holder panicked").take();
        if let Some((batch, now)) = pending {
            let commit = self.inner.commit(user, batch, now).await?;
            *self.done.lock().expect("no holder panicked") = Some(commit);
        }
        self.inner.changes(user, since, include_deleted, limit).await
    }

    async fn newest_after(
        &self,
        user: UserId,
        filter: Filter,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Option<Vec<Todo>>, StoreError> {
        self.inner.newest_after(user, filter, after, limit).await
    }

    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        self.inner.position(user).await
    }

    async fn clocks(&self, users: &[UserId]) -> Result<Vec<(UserId, Stamp)>, StoreError> {
        self.inner.clocks(users).await
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.inner.epoch().await
    }

    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.inner.belongs_to_another_user(user, id).await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.inner.sweep_tombstones(before, limit).await
    }

    async fn shrink_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.inner.shrink_tombstones(before, limit).await
    }
}
