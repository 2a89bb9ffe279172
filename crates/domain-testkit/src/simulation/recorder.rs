//! A store that keeps a record of every batch, and lets somebody else write between a device's write and its read.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::todo::query::ListQuery;
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoStore};
use domain::{Stamp, StoreError, TodoId, UserId};

/// One batch that was decided.
#[derive(Clone, Debug)]
pub struct Record {
    /// What was asked.
    pub batch: Batch,
    /// When.
    pub now: Stamp,
    /// What became of it.
    pub commit: Commit,
}

/// Passes everything on.
pub struct Recorder {
    inner: Arc<dyn TodoStore>,
    records: Mutex<Vec<Record>>,
    intruder: Mutex<Option<(Batch, Stamp)>>,
}

impl Recorder {
    /// A record of what comes to `inner`.
    pub fn new(inner: Arc<dyn TodoStore>) -> Self {
        Self { inner, records: Mutex::default(), intruder: Mutex::default() }
    }

    /// Every batch up to now, in the order of commits.
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().expect("nobody panicked").clone()
    }

    /// Has `batch` committed right before the next read.
    pub fn intrude(&self, batch: Batch, now: Stamp) {
        *self.intruder.lock().expect("nobody panicked") = Some((batch, now));
    }
}

#[async_trait]
impl TodoStore for Recorder {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        let commit = self.inner.commit(user, batch.clone(), now).await?;
        let record = Record { batch, now, commit: commit.clone() };
        self.records.lock().expect("nobody panicked").push(record);
        Ok(commit)
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
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        let intruder = self.intruder.lock().expect("nobody panicked").take();
        if let Some((batch, now)) = intruder {
            self.commit(user, batch, now).await?;
        }
        self.inner.changes(user, since, limit).await
    }

    async fn clock(&self, user: UserId) -> Result<Option<Stamp>, StoreError> {
        self.inner.clock(user).await
    }

    async fn is_anothers(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.inner.is_anothers(user, id).await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.inner.sweep_tombstones(before, limit).await
    }
}
