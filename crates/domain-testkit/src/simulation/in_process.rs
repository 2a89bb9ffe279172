//! Runs the domain in process, as the server of the devices.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::account::{AccountStore, Registered};
use domain::sync::{Cursor, Epoch, StaleReason, SyncAnswer, SyncOutcome, SyncRequest, SyncService};
use domain::todo::{Action, Base, Batch, Commit, NewTodo, Outcome, StorageLimits, Strategy, TodoStore};
use domain::{Clock, Stamp, TodoId, UserId};

use super::convert::{change, edit, keys};
use super::ghosts::Ghosts;
use super::interrupted::InterruptedStore;
use super::random::Random;
use super::shadow::Shadow;
use super::token::Token;
use super::user::Names;
use super::values::{Row, tokens};
use super::wire::{Answer, Gone, Lost, Reply, Request, Server, Upload, Verdict};
use crate::build::{self, T0};
use crate::bus::RecordingBus;
use crate::fakes::ManualClock;
use crate::memory::{self, MemoryStore};

/// A [`SyncService`] on a [`MemoryStore`], for one user.
pub struct InProcess {
    pub ghosts: Ghosts,
    pub shadow: Shadow,
    pub user: UserId,
    bus: Arc<RecordingBus>,
    store: Arc<MemoryStore>,
    interrupted: Arc<InterruptedStore>,
    clock: Arc<ManualClock>,
    service: SyncService,
    limits: StorageLimits,
    epochs: Vec<String>,
    /// The number of epochs that ever began.
    begun: usize,
    /// The todos that were changed since the database was restored without an announcement, other
    /// than by healing.
    pub changed_since_copy: Option<BTreeSet<TodoId>>,
    /// The todo after each accepted change, in the order of commits.
    accepted: Vec<Row>,
}

/// A copy of the database.
#[derive(Clone, Debug)]
pub struct Backup {
    pub taken_at: Stamp,
    list: memory::Backup,
    shadow: Shadow,
    epochs: Vec<String>,
}

impl InProcess {
    /// How long the server keeps a tombstone.
    pub const KEPT: Duration = Duration::from_hours(90 * 24);
    /// How long a tombstone keeps its texts.
    pub const SHRUNK_AFTER: Duration = Duration::from_hours(7 * 24);

    /// A server with one new user.
    pub async fn new(limits: StorageLimits) -> Self {
        let bus = Arc::new(RecordingBus::new());
        let store = Arc::new(MemoryStore::new(bus.clone()));
        let new = build::new_user();
        let user = new.id;
        let registered = store.register(new, None, T0).await.expect("the store answers");
        assert!(matches!(registered, Registered::Done(_)));
        let interrupted = Arc::new(InterruptedStore::new(store.clone()));
        let clock = Arc::new(ManualClock::at(T0));
        let service = SyncService::new(interrupted.clone(), clock.clone(), limits);
        let mut server = Self {
            ghosts: Ghosts::default(),
            shadow: Shadow::default(),
            user,
            bus,
            store,
            interrupted,
            clock,
            service,
            limits,
            epochs: Vec::new(),
            begun: 0,
            changed_since_copy: None,
            accepted: Vec::new(),
        };
        server.begin_epoch();
        server
    }

    /// Announces that the database goes on from an earlier state, or may do so.
    pub fn begin_epoch(&mut self) {
        self.begun += 1;
        self.epochs.push(format!("E{}", self.begun));
        self.store.set_epochs(&self.epochs);
    }

    /// Copies the database.
    #[must_use]
    pub fn back_up(&self) -> Backup {
        Backup {
            taken_at: self.now(),
            list: self.store.back_up(self.user),
            shadow: self.shadow.clone(),
            epochs: self.epochs.clone(),
        }
    }

    /// Puts a copy in place of the database. The epochs that began since are not in it.
    pub fn restore(&mut self, backup: Backup) {
        self.store.restore(self.user, backup.list);
        self.shadow = backup.shadow;
        self.epochs = backup.epochs;
        self.store.set_epochs(&self.epochs);
    }

    /// The tokens of all values that the server holds.
    pub fn tokens(&self) -> impl Iterator<Item = Token> {
        self.shadow.rows().values().flat_map(|row| tokens(&row.fields))
    }

    /// The server's time. The devices' clocks are ahead of it or behind it.
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// Sets the clock back, as an operator or NTP may do.
    pub fn set_clock_back(&self, by: Duration) {
        self.clock.set(self.clock.now().minus(by));
    }

    /// Lets time pass, and removes and shrinks what is old then.
    pub async fn pass_time(&mut self, by: Duration) {
        self.clock.advance(by);
        let before = self.now().minus(Self::KEPT);
        self.store.sweep_tombstones(before, u32::MAX).await.expect("the store answers");
        let before = self.now().minus(Self::SHRUNK_AFTER);
        self.store.shrink_tombstones(before, u32::MAX).await.expect("the store answers");
        self.follow_sweeps().await;
    }

    /// Follows what happened between the write and the read of a request.
    async fn follow_commits(&mut self) {
        if let Some(commit) = self.interrupted.take_result() {
            self.follow_elsewhere(commit);
        }
        self.follow_sweeps().await;
    }

    async fn follow_sweeps(&mut self) {
        self.shadow.keep(&self.ghosts, &self.rows().await);
    }

    /// Changes a todo at its current version, as a web page does, either now or immediately before
    /// the next read.
    pub async fn change_from_elsewhere(&mut self, names: &mut Names, random: &mut Random) {
        let rows = self.rows().await;
        if rows.is_empty() {
            return;
        }
        let id = random.pick(&rows).id;
        let action = match random.below(8) {
            0 => Action::Toggle,
            1 => Action::Delete,
            2 => Action::Restore,
            3 => Action::Create(NewTodo::new(build::title("w1"))),
            _ => Action::Edit(edit(names.any_edit(random))),
        };
        let batch = Batch {
            changes: vec![build::change(id, Base::Current, action)],
            strategy: Strategy::Manual,
            cursor: None,
            limits: self.limits,
        };
        if random.chance(50) {
            self.interrupted.commit_before_next_read(batch, self.now());
        } else {
            let commit = self.store.commit(self.user, batch, self.now()).await.expect("the store answers");
            self.follow_elsewhere(commit);
        }
    }

    fn follow_elsewhere(&mut self, commit: Commit) {
        let Commit::Done(decided) = commit else { panic!("a change without a cursor is decided") };
        for (todo, _) in decided.outcomes.iter().filter_map(Outcome::written) {
            let after = Row::from(&**todo);
            self.shadow.changed_elsewhere(&self.ghosts, &after);
            self.changed_since_copy.iter_mut().for_each(|changed| _ = changed.insert(after.id));
            self.accepted.push(after);
        }
    }

    /// Every todo of the user, tombstones included.
    pub async fn rows(&self) -> Vec<Row> {
        let all = self.store.changes(self.user, None, true, u32::MAX).await.expect("the store answers");
        all.expect("the user exists").todos.iter().map(Row::from).collect()
    }

    /// Fails unless each accepted change was published once and in order.
    pub fn assert_published(&self) {
        let published = self.bus.so_far(self.user).into_iter().map(|event| Row::from(&*event.todo));
        assert!(published.eq(self.accepted.iter().cloned()), "each accepted change is published once");
    }

    fn verdict(&mut self, request: &Request, upload: &Upload, outcome: &Outcome) -> Verdict {
        if let Some((todo, _)) = outcome.written() {
            self.accepted.push(Row::from(&**todo));
            if !upload.healing {
                self.changed_since_copy.iter_mut().for_each(|changed| _ = changed.insert(upload.id));
            }
        }
        let strategy = request.strategy;
        match outcome {
            Outcome::Applied { todo, .. } | Outcome::Unchanged { todo: Some(todo), .. } => {
                self.shadow.accepted(&self.ghosts, upload, strategy, &Row::from(&**todo));
                Verdict::Applied(Some((todo.version(), todo.updated_at())))
            }
            Outcome::Unchanged { todo: None, .. } => {
                self.shadow.deleted_unknown(&self.ghosts, upload);
                self.changed_since_copy.iter_mut().for_each(|changed| _ = changed.insert(upload.id));
                Verdict::Applied(None)
            }
            Outcome::Conflict(conflict) => {
                let row = Row::from(&*conflict.current);
                if conflict.applied.is_some() {
                    self.shadow.accepted(&self.ghosts, upload, strategy, &row);
                } else {
                    self.shadow.refused(&self.ghosts, upload);
                }
                Verdict::Conflict {
                    server: self.shadow.annotate(&row),
                    fields: keys(&conflict.fields),
                    server_wins: conflict.server_wins,
                }
            }
            Outcome::Rejected(_) => Verdict::Rejected,
            Outcome::NotFound | Outcome::TextGone | Outcome::IdInUse(_) => {
                panic!("an upsert has no such outcome: {outcome:?}")
            }
        }
    }

    async fn reply(&mut self, request: &Request, answer: SyncAnswer) -> Answer {
        let pairs = request.todos.iter().zip(&answer.outcomes);
        let verdicts = pairs.map(|(upload, outcome)| self.verdict(request, upload, outcome)).collect();
        self.follow_commits().await;
        let changes = answer.server_changes.iter().map(Row::from);
        Answer {
            verdicts,
            changes: changes.map(|row| self.shadow.annotate(&row)).collect(),
            has_more: answer.has_more,
            sync_timestamp: answer.sync_timestamp,
            epoch: answer.epoch.0,
            digest: answer.digest.map(|digest| digest.to_i64().cast_unsigned()),
        }
    }
}

impl Server for InProcess {
    async fn sync(&mut self, request: &Request) -> Result<Reply, Lost> {
        let sent = SyncRequest {
            cursor: Cursor { since: request.last_sync, epoch: request.epoch.clone().map(Epoch) },
            strategy: request.strategy,
            changes: request.todos.iter().map(|upload| change(upload, &request.client_id)).collect(),
            limit: request.limit,
            include_deleted: request.include_deleted,
        };
        match self.service.sync(self.user, sent).await.expect("the store answers") {
            SyncOutcome::Done(answer) => Ok(Reply::Done(self.reply(request, answer).await)),
            SyncOutcome::StaleCursor(stale) => {
                self.follow_commits().await;
                let (epoch, horizon) = (stale.epoch.0, stale.horizon);
                Ok(Reply::Gone(match stale.reason {
                    StaleReason::Forgotten => Gone::Forgotten { epoch },
                    StaleReason::Restored { restored_to: to } => Gone::Restored { epoch, to, horizon },
                }))
            }
            SyncOutcome::NoSuchUser => panic!("the user exists"),
        }
    }
}
