//! The reference implementation of the store ports: all state is behind one lock, so that each
//! method is one transaction.
//!
//! It panics if a caller breaks a promise that a database has to trust: an id used twice, a
//! revocation that ends before it begins, a plan that does not fit the state that it was decided
//! on. Its futures are ready when first polled.

mod accounts;
mod histories;
mod identities;
mod one_time;
mod outbox;
mod sessions;
mod sweep;
mod todos;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::health::Probe;
use domain::session::{Ending, FeedPosition, RefreshToken, Revocation, Session, TokenHash};
use domain::sync::{Epochs, Position};
use domain::todo::{EventBus, Todo, UserRow};
use domain::user::{Email, User};
use domain::{SessionId, Stamp, StoreError, TodoId, UserId};
use uuid::Uuid;

pub use self::histories::Backup;
use self::identities::{Identity, IdentityKey};
use self::one_time::OneTime;
use self::outbox::Mail;
use crate::Operator;

/// Implements every store port.
pub struct MemoryStore {
    // A std lock: nothing awaits while it is held.
    state: Mutex<State>,
    bus: Arc<dyn EventBus>,
    failing: Mutex<Option<fn() -> StoreError>>,
    failures: AtomicU32,
}

struct State {
    epochs: Arc<Epochs>,
    last_number: i64,
    users: HashMap<UserId, Account>,
    emails: HashMap<String, UserId>,
    sessions: HashMap<SessionId, Session>,
    tokens: HashMap<TokenHash, RefreshToken>,
    /// By session, when no access token of it is accepted any longer.
    access_until: HashMap<SessionId, Stamp>,
    revocations: Vec<(FeedPosition, Revocation)>,
    last_position: FeedPosition,
    one_time: HashMap<TokenHash, OneTime>,
    mails: BTreeMap<Uuid, Mail>,
    identities: BTreeMap<IdentityKey, Identity>,
}

struct Account {
    user: User,
    row: UserRow,
    todos: BTreeMap<TodoId, Todo>,
}

impl MemoryStore {
    /// An empty store that publishes to `bus`, which must not call back into it.
    #[must_use]
    pub fn new(bus: Arc<dyn EventBus>) -> Self {
        let state = State {
            epochs: Arc::new(Epochs::new([(1, crate::build::uuid().to_string())]).expect("an epoch")),
            last_number: 0,
            users: HashMap::new(),
            emails: HashMap::new(),
            sessions: HashMap::new(),
            tokens: HashMap::new(),
            access_until: HashMap::new(),
            revocations: Vec::new(),
            last_position: FeedPosition::default(),
            one_time: HashMap::new(),
            mails: BTreeMap::new(),
            identities: BTreeMap::new(),
        };
        Self { state: Mutex::new(state), bus, failing: Mutex::new(None), failures: AtomicU32::new(0) }
    }

    /// While the store is not available, every method fails with [`StoreError::Unavailable`] and
    /// does nothing.
    pub fn set_available(&self, available: bool) {
        self.fail_with((!available).then_some(outage));
    }

    /// Makes every method fail with this error and do nothing, until it is `None`.
    pub fn fail_with(&self, error: Option<fn() -> StoreError>) {
        *self.failing.lock().expect("no method panicked") = error;
    }

    /// Makes the next `calls` calls of any method fail as in an outage.
    pub fn fail_next(&self, calls: u32) {
        self.failures.store(calls, Ordering::SeqCst);
    }

    /// Disables an account, or enables it again.
    pub fn set_active(&self, user: UserId, active: bool) {
        let mut state = self.state.lock().expect("no method panicked");
        state.users.get_mut(&user).expect("the user exists").user.is_active = active;
    }

    fn enter(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let failing =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        let error = *self.failing.lock().expect("no method panicked");
        match error.or_else(|| failing.then_some(outage as fn() -> StoreError)) {
            Some(error) => Err(error()),
            None => Ok(self.state.lock().expect("no method panicked")),
        }
    }
}

fn outage() -> StoreError {
    StoreError::Unavailable("an outage that the test asked for".to_owned())
}

impl State {
    fn position(&self, account: &Account) -> Position {
        account.row.position(Arc::clone(&self.epochs))
    }

    /// Adds an account. Panics if another account has its address.
    fn insert_user(&mut self, user: User) {
        let (id, now) = (user.id, user.created_at);
        if let Some(email) = &user.email {
            let twin = self.emails.insert(email.key().to_owned(), id);
            assert!(twin.is_none(), "the address {} is already in use", email.as_str());
        }
        let row = UserRow::new(now, self.epochs.current().0);
        let account = Account { user, row, todos: BTreeMap::new() };
        assert!(self.users.insert(id, account).is_none(), "the id {id} is already in use");
    }

    fn by_email(&self, email: &Email) -> Option<&User> {
        self.emails.get(email.key()).and_then(|id| self.users.get(id)).map(|account| &account.user)
    }
}

fn check(ending: Ending) {
    assert!(ending.until > ending.at, "a revocation must end after it begins: {ending:?}");
}

#[async_trait]
impl Operator for MemoryStore {
    async fn set_active(&self, user: UserId, active: bool) {
        Self::set_active(self, user, active);
    }

    async fn overwrite_title(&self, user: UserId, id: TodoId, title: &str) {
        let mut state = self.state.lock().expect("no method panicked");
        let account = state.users.get_mut(&user).expect("the user exists");
        account.overwrite_title(id, title);
    }

    async fn begin_epoch(&self) {
        let mut state = self.state.lock().expect("no method panicked");
        let (ordinal, _) = state.epochs.current();
        let next = (ordinal + 1, crate::build::uuid().to_string());
        let all = state.epochs.iter().map(|(ordinal, name)| (ordinal, name.to_string())).chain([next]);
        state.epochs = Arc::new(Epochs::new(all.collect::<Vec<_>>()).expect("in order"));
    }

    async fn user_rows(&self) -> BTreeMap<UserId, UserRow> {
        let state = self.state.lock().expect("no method panicked");
        state.users.iter().map(|(user, account)| (*user, account.row.clone())).collect()
    }
}

#[async_trait]
impl Probe for MemoryStore {
    async fn probe(&self) -> Result<(), StoreError> {
        self.enter().map(drop)
    }
}
