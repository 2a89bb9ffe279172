//! [`TodoStore`] in memory.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use domain::sync::{Epoch, Position};
use domain::text::{fold, sort_key};
use domain::todo::plan::{Decision, Plan, UserState, Written};
use domain::todo::query::{Filter, ListKey, ListQuery, Order, SortBy};
use domain::todo::{
    Batch, BatchEvents, Changes, Commit, Description, OldTombstone, PART_BYTES, Page, StoredTodo, Todo,
    TodoNumber, TodoStore,
};
use domain::{Stamp, StoreError, TodoId, UserId};

use super::{Account, MemoryStore};
use crate::harness::assert_row;

#[async_trait]
impl TodoStore for MemoryStore {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        let mut state = self.enter()?;
        let first = state.last_number + 1;
        let Some(account) = state.users.get(&user) else {
            return Ok(Commit::NoSuchUser);
        };
        let named = batch.ids().into_iter().filter_map(|id| account.todos.get(&id).cloned());
        let numbers: Vec<_> = (first..).map(TodoNumber).take(batch.possible_creations()).collect();
        let last_number = numbers.last().map_or(first - 1, |number| number.0);
        let candidates = account.row.sweep_candidates([&batch]);
        let oldest = account.oldest_tombstones(candidates);
        let epochs = Arc::clone(&state.epochs);
        let mut user_state = UserState::new(account.row.clone(), epochs, named, numbers, oldest);
        let plan = Plan::decide(&mut user_state, &batch, now).expect("enough numbers");

        state.last_number = last_number;
        let account = state.users.get_mut(&user).expect("the user was found above");
        account.write(&plan);
        let (decision, events) = plan.into_parts();
        if let Some(BatchEvents { previous, events }) = events {
            // Under the lock, so that no later commit's events overtake these.
            self.bus.publish(user, previous, events);
        }
        match decision {
            Decision::Decided(decided) => Ok(Commit::Done(decided)),
            Decision::StaleCursor(reason) => Ok(Commit::StaleCursor(reason)),
        }
    }

    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        let state = self.enter()?;
        Ok(state.users.get(&user).and_then(|account| account.todos.get(&id)).cloned())
    }

    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        let state = self.enter()?;
        let Some(account) = state.users.get(&user) else {
            return Ok(None);
        };
        Ok(account.todos.values().find(|todo| todo.number() == number).cloned())
    }

    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        let state = self.enter()?;
        let Some(account) = state.users.get(&user) else {
            return Ok(None);
        };
        let mut found: Vec<_> = account.todos.values().filter(|todo| finds(query, todo)).collect();
        sort(&mut found, query.sort, query.order);
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        Ok(Some(Page {
            total: found.len() as u64,
            todos: found.into_iter().skip(offset).take(limit).cloned().collect(),
            position: state.position(account),
        }))
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        include_deleted: bool,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        let state = self.enter()?;
        let Some(account) = state.users.get(&user) else {
            return Ok(None);
        };
        let asked_for =
            |todo: &&Todo| Some(todo.updated_at()) > since && (include_deleted || !todo.deleted());
        let mut todos: Vec<_> = account.todos.values().filter(asked_for).cloned().collect();
        todos.sort_unstable_by_key(Todo::updated_at);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = todos.len();
        todos.truncate(limit);
        let todos = part(todos);
        let has_more = found > todos.len();
        Ok(Some(Changes { todos, has_more, position: state.position(account) }))
    }

    async fn newest_after(
        &self,
        user: UserId,
        filter: Filter,
        after: Option<ListKey>,
        limit: u32,
    ) -> Result<Option<Vec<Todo>>, StoreError> {
        let state = self.enter()?;
        let Some(account) = state.users.get(&user) else {
            return Ok(None);
        };
        let query = ListQuery { filter, ..ListQuery::default() };
        let mut found: Vec<_> = account.todos.values().filter(|todo| finds(&query, todo)).collect();
        sort(&mut found, query.sort, query.order);
        let follows = |todo: &&Todo| {
            let place = |key: ListKey| (Reverse(key.created_at), key.id);
            after.is_none_or(|after| place(ListKey::from(*todo)) > place(after))
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let rest: Vec<_> = found.into_iter().filter(follows).take(limit).cloned().collect();
        Ok(Some(part(rest)))
    }

    async fn position(&self, user: UserId) -> Result<Option<Position>, StoreError> {
        let state = self.enter()?;
        Ok(state.users.get(&user).map(|account| state.position(account)))
    }

    async fn clocks(&self, users: &[UserId]) -> Result<Vec<(UserId, Stamp)>, StoreError> {
        let state = self.enter()?;
        let clock = |user: &UserId| Some((*user, state.users.get(user)?.row.clock));
        Ok(users.iter().filter_map(clock).collect())
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(self.enter()?.epochs.current().1.clone())
    }

    async fn belongs_to_another_user(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        let state = self.enter()?;
        let mut others = state.users.iter().filter(|(other, _)| **other != user);
        Ok(others.any(|(_, account)| account.todos.get(&id).is_some_and(|todo| !todo.deleted())))
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.enter()?.sweep_tombstones(before, limit))
    }

    async fn shrink_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.enter()?.shrink_tombstones(before, limit))
    }
}

impl Account {
    /// The tombstones with the earliest stamps, at most `limit`.
    fn oldest_tombstones(&self, limit: u64) -> Vec<OldTombstone> {
        if limit == 0 {
            return Vec::new();
        }
        let mut found: Vec<_> = self.todos.values().filter(|todo| todo.deleted()).collect();
        found.sort_unstable_by_key(|todo| todo.updated_at());
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let old = |todo: &Todo| OldTombstone {
            id: todo.id(),
            stamp: todo.updated_at(),
            bytes: todo.stored_bytes(),
        };
        found.into_iter().map(old).collect()
    }

    fn write(&mut self, plan: &Plan) {
        for id in plan.swept() {
            let removed = self.todos.remove(id);
            assert!(removed.as_ref().is_some_and(Todo::deleted), "only tombstones are removed: {removed:?}");
        }
        for Written { todo, is_new } in plan.written() {
            assert!(todo.updated_at() > self.row.clock, "the stamp is not new: {todo:?}");
            let before = self.todos.insert(todo.id(), Todo::clone(todo));
            assert_eq!(before.is_none(), *is_new, "the plan knows whether the todo exists: {before:?}");
        }
        if let Some(row) = plan.user_row() {
            self.row = row.clone();
        }
        self.check();
    }

    pub(super) fn overwrite_title(&mut self, id: TodoId, title: &str) {
        self.overwrite(id, |row| row.title = Some(title.to_owned()));
        self.check();
    }

    /// Removes the texts of a tombstone.
    pub(super) fn shrink(&mut self, id: TodoId) {
        self.overwrite(id, |row| {
            row.title = None;
            row.description = None;
            row.metadata = None;
            row.metadata_versions = None;
        });
    }

    /// Changes columns of a todo, which keeps its version and its stamp.
    fn overwrite(&mut self, id: TodoId, change: impl FnOnce(&mut StoredTodo)) {
        let todo = self.todos.get_mut(&id).expect("the todo exists");
        let [metadata, metadata_versions] = todo.metadata().to_columns();
        let mut row = StoredTodo {
            id,
            number: todo.number().0,
            title: (!todo.is_shrunk()).then(|| todo.title().as_str().to_owned()),
            description: todo.description().cloned().map(Into::into),
            completed_at: todo.completed_at(),
            created_at: todo.created_at(),
            updated_at: todo.updated_at(),
            deleted_at: todo.deleted_at(),
            client_id: todo.client_id().cloned().map(Into::into),
            versions: todo.versions(),
            metadata,
            metadata_versions,
        };
        change(&mut row);
        let before = std::mem::replace(todo, Todo::from_stored(row).expect("a valid row"));
        self.row.stored_bytes = self.row.stored_bytes - before.stored_bytes() + todo.stored_bytes();
    }

    /// Fails unless the user's row agrees with the todos.
    pub(super) fn check(&self) {
        assert_row(&self.row, self.todos.values());
    }
}

/// The todos up to the one with which the texts reach the size of a part.
fn part(mut todos: Vec<Todo>) -> Vec<Todo> {
    let mut bytes = 0;
    let end = todos.iter().position(|todo| {
        bytes += todo.stored_bytes();
        bytes >= PART_BYTES as u64
    });
    todos.truncate(end.map_or(todos.len(), |last| last + 1));
    todos
}

fn finds(query: &ListQuery, todo: &Todo) -> bool {
    let texts =
        [Some(todo.title().as_str()), todo.description().map(Description::as_str)].map(|text| text.map(fold));
    let holds = |word: &String| texts.iter().flatten().any(|text| text.contains(word.as_str()));
    (query.include_deleted || !todo.deleted())
        && query.since.is_none_or(|since| todo.updated_at() > since)
        && match query.filter {
            Filter::All => true,
            Filter::Active => !todo.completed(),
            Filter::Completed => todo.completed(),
        }
        && query.search.words().iter().all(holds)
}

/// Sorts by id first and then stably by the key, so that ties stay in the order of ids.
fn sort(todos: &mut [&Todo], by: SortBy, order: Order) {
    todos.sort_by_key(|todo| todo.id());
    match (by, order) {
        (SortBy::CreatedAt, Order::Ascending) => todos.sort_by_key(|todo| todo.created_at()),
        (SortBy::CreatedAt, Order::Descending) => todos.sort_by_key(|todo| Reverse(todo.created_at())),
        (SortBy::CompletedAt, Order::Ascending) => {
            todos.sort_by_key(|todo| (!todo.completed(), todo.completed_at()));
        }
        (SortBy::CompletedAt, Order::Descending) => {
            todos.sort_by_key(|todo| (!todo.completed(), Reverse(todo.completed_at())));
        }
        (SortBy::Title, Order::Ascending) => todos.sort_by_cached_key(|todo| sort_key(todo.title().as_str())),
        (SortBy::Title, Order::Descending) => {
            todos.sort_by_cached_key(|todo| Reverse(sort_key(todo.title().as_str())));
        }
    }
}
