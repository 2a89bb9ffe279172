//! A store under test, and short methods to use it.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::account::{AccountStore, Registered};
use domain::health::Probe;
use domain::identity::IdentityStore;
use domain::mail::Outbox;
use domain::one_time::{OneTimeStore, Purpose};
use domain::session::{
    EndReason, FeedPosition, NewSession, RefreshToken, Revocation, SessionStore, TokenHash,
};
use domain::sync::Position;
use domain::todo::query::ListQuery;
use domain::todo::{Batch, Change, Changes, Commit, Decided, Outcome, Page, Todo, TodoStore, UserRow};
use domain::user::{Email, User};
use domain::{Stamp, TodoId, UserId};
use futures_util::FutureExt as _;

use crate::build::{T0, batch, ending, new_session, new_user, one_time};
use crate::bus::RecordingBus;

/// The operations that an operator performs on a store by hand, bypassing all ports.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Disables an account, or enables it again.
    async fn set_active(&self, user: UserId, active: bool);

    /// Replaces the title of a todo by one that the domain refuses as input, as a release with a
    /// higher limit could have written it. Removes the schema's own limit first.
    async fn overwrite_title(&self, user: UserId, id: TodoId, title: &str);

    /// Begins an epoch of the database, while the store is in use.
    async fn begin_epoch(&self);

    /// The row of each user, as stored.
    async fn user_rows(&self) -> BTreeMap<UserId, UserRow>;

    /// The accounts as a command of the operator opens them, if the server's connections do not show all users.
    async fn accounts(&self) -> Option<Arc<dyn AccountStore>> {
        None
    }
}

/// A new store behind its ports; clones share it. It publishes to `bus`; `guard` keeps its folder or database alive
/// until the test ends.
#[derive(Clone)]
pub struct Harness {
    pub todos: Arc<dyn TodoStore>,
    pub accounts: Arc<dyn AccountStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub one_time: Arc<dyn OneTimeStore>,
    pub outbox: Arc<dyn Outbox>,
    pub identities: Arc<dyn IdentityStore>,
    pub operator: Arc<dyn Operator>,
    pub probe: Arc<dyn Probe>,
    /// The bus that the stores publish to.
    pub bus: Arc<RecordingBus>,
    /// Dropped after the test.
    pub guard: Arc<dyn Any + Send + Sync>,
}

impl Harness {
    /// A new user, registered at [`T0`] without a session.
    pub async fn user(&self) -> UserId {
        let user = new_user();
        let id = user.id;
        let registered = self.accounts.register(user, None, T0).await.expect("register answers");
        assert!(matches!(registered, Registered::Done(_)), "a fresh address is free: {registered:?}");
        id
    }

    /// A new user, as [`Harness::user`], with the address, which is verified on request.
    pub async fn account(&self, verified: bool) -> (UserId, Email) {
        let user = self.user().await;
        let address = self.stored(user).await.email.expect("the user has an address");
        if verified {
            let token = one_time(Purpose::VerifyEmail, Some(user), &address);
            self.one_time.put(token.clone()).await.expect("put answers");
            let proved = self.one_time.verify_email(&token.hash, T0).await.expect("verify_email answers");
            assert!(proved.is_some(), "the token is valid");
        }
        (user, address)
    }

    /// Opens a session of the user at [`T0`], which expires at `expires_at`.
    pub async fn open_session(&self, user: UserId, expires_at: Stamp) -> NewSession {
        let session = new_session(expires_at);
        let opened = self.sessions.open(user, session.clone(), 20, ending(EndReason::DeviceRevoked, T0));
        opened.await.expect("open answers").expect("the session opens");
        session
    }

    /// A user who exists, as stored.
    pub async fn stored(&self, user: UserId) -> User {
        self.accounts.by_id(user).await.expect("by_id answers").expect("the user exists")
    }

    /// The refresh token with this hash.
    pub async fn token(&self, hash: &TokenHash) -> Option<RefreshToken> {
        let facts = self.sessions.find(hash).await.expect("find answers");
        facts.map(|facts| facts.token)
    }

    /// The revocations after this position that are kept beyond `now`.
    pub async fn revocations(&self, after: Option<FeedPosition>, now: Stamp) -> Vec<Revocation> {
        self.sessions.revocations(after, now).await.expect("revocations answers").revocations
    }

    /// Commits a batch.
    pub async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Commit {
        self.todos.commit(user, batch, now).await.expect("commit answers")
    }

    /// Commits a batch whose cursor can be continued, and returns its outcomes.
    pub async fn decide(&self, user: UserId, batch: Batch, now: Stamp) -> Vec<Outcome> {
        let count = batch.changes.len();
        match self.commit(user, batch, now).await {
            Commit::Done(Decided { outcomes, .. }) => {
                assert_eq!(outcomes.len(), count, "each change has one outcome: {outcomes:#?}");
                outcomes
            }
            other => panic!("expected a decided batch, got {other:?}"),
        }
    }

    /// Commits changes in one batch at [`T0`], and returns their outcomes.
    pub async fn apply(&self, user: UserId, changes: impl IntoIterator<Item = Change>) -> Vec<Outcome> {
        self.decide(user, batch(changes), T0).await
    }

    /// Commits one change at [`T0`], fails unless it is applied, and returns the todo after it.
    pub async fn applied(&self, user: UserId, change: Change) -> Todo {
        self.applied_at(user, change, T0).await
    }

    /// Commits one change at `now`, fails unless it is applied, and returns the todo after it.
    pub async fn applied_at(&self, user: UserId, change: Change, now: Stamp) -> Todo {
        let mut outcomes = self.decide(user, batch([change]), now).await;
        match outcomes.pop() {
            Some(Outcome::Applied { todo, .. }) => Arc::unwrap_or_clone(todo),
            other => panic!("expected an applied change, got {other:#?}"),
        }
    }

    /// The stored todo.
    pub async fn todo(&self, user: UserId, id: TodoId) -> Option<Todo> {
        self.todos.get(user, id).await.expect("get answers")
    }

    /// One page of the list of a user who exists.
    pub async fn list(&self, user: UserId, query: &ListQuery) -> Page {
        self.todos.list(user, query).await.expect("list answers").expect("the user exists")
    }

    /// The changes of a user who exists, tombstones included.
    pub async fn changes(&self, user: UserId, since: Option<Stamp>, limit: u32) -> Changes {
        self.todos.changes(user, since, true, limit).await.expect("changes answers").expect("the user exists")
    }

    /// Every todo of the user, tombstones included, in stamp order.
    pub async fn everything(&self, user: UserId) -> Vec<Todo> {
        self.whole_list(user).await.expect("the user exists").0
    }

    /// The position of a user who exists.
    pub async fn position(&self, user: UserId) -> Position {
        self.todos.position(user).await.expect("position answers").expect("the user exists")
    }

    /// The last stamp of a user who exists.
    pub async fn clock(&self, user: UserId) -> Stamp {
        self.position(user).await.clock
    }

    /// Fails unless each user's row agrees with all of the user's todos.
    pub async fn assert_rows(&self) {
        loop {
            let rows = self.operator.user_rows().await;
            let mut lists = BTreeMap::new();
            for user in rows.keys() {
                lists.insert(user, self.whole_list(*user).await);
            }
            // A commit whose caller is gone may still be under way.
            if self.operator.user_rows().await != rows {
                continue;
            }
            for (user, row) in &rows {
                // The todos of a deleted account go in steps.
                let Some((todos, position)) = &lists[user] else { continue };
                assert_row(row, todos);
                assert_eq!(row.position(position.epochs.clone()), *position, "what a read reports");
            }
            return;
        }
    }

    /// Every todo of the user, in stamp order, and the position. `None` if there is no such user.
    async fn whole_list(&self, user: UserId) -> Option<(Vec<Todo>, Position)> {
        let (mut todos, mut since) = (Vec::new(), None);
        loop {
            let page = self.todos.changes(user, since, true, u32::MAX).await.expect("changes answers")?;
            since = Some(page.complete_to());
            let has_more = page.has_more;
            todos.extend(page.todos);
            if !has_more {
                return Some((todos, page.position));
            }
        }
    }

    /// Fails unless the store counts `live` live todos of the user.
    pub async fn assert_live(&self, user: UserId, live: u32) {
        assert_eq!(self.operator.user_rows().await[&user].live, live, "live todos of {user}");
    }
}

/// Fails unless a user's row agrees with all of the user's todos.
pub fn assert_row<'a>(row: &UserRow, todos: impl IntoIterator<Item = &'a Todo>) {
    let (mut sums, mut latest) = (UserRow::new(row.clock, 0), None);
    for todo in todos {
        *if todo.deleted() { &mut sums.tombstones } else { &mut sums.live } += 1;
        sums.stored_bytes += todo.stored_bytes();
        sums.digest = sums.digest + todo.digest();
        latest = latest.max(Some(todo.updated_at()));
    }
    let UserRow { horizon, ref history, .. } = *row;
    let recounted = UserRow { horizon, history: history.clone(), ..sums };
    assert_eq!(*row, recounted, "the user's row drifted from the todos");
    assert!(latest <= Some(row.clock), "a todo is ahead of its user's clock: {latest:?}");
}

/// Runs all futures concurrently, each as a task, and returns their results in order. A panic in
/// one fails the test.
pub async fn all<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(running.len());
    for task in running {
        match task.await {
            Ok(result) => results.push(result),
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(failure) => panic!("a task ended early: {failure}"),
            },
        }
    }
    results
}

/// Runs `check` on every case, then fails with a list of all cases that failed.
pub async fn check_each<C: Debug>(cases: impl IntoIterator<Item = C>, check: impl AsyncFn(&C)) {
    let mut failed = Vec::new();
    for case in cases {
        if AssertUnwindSafe(check(&case)).catch_unwind().await.is_err() {
            failed.push(case);
        }
    }
    assert!(failed.is_empty(), "these cases fail, see above: {failed:#?}");
}

/// Runs a contract, then checks what holds for the users' rows after every contract.
pub async fn run_contract<F: Future<Output = ()>>(
    name: &str,
    harness: Harness,
    contract: impl FnOnce(Harness) -> F,
) {
    let after = harness.clone();
    let checked = async {
        contract(harness).await;
        after.assert_rows().await;
    };
    in_time(name, checked).await;
}

/// Runs a contract, and fails it if it does not end within a minute, for example because a store
/// waits for itself.
pub async fn in_time(name: &str, contract: impl Future<Output = ()>) {
    let ended = tokio::time::timeout(Duration::from_mins(1), contract).await;
    assert!(ended.is_ok(), "{name} did not end within a minute: the store hangs, or is far too slow");
}
