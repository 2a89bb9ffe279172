//! Runs the domain in process, as the server of the devices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::account::{AccountStore, Registered};
use domain::sync::{Cursor, Epoch, SyncAnswer, SyncOutcome, SyncRequest, SyncService};
use domain::todo::{
    Action, Base, Batch, Change, Edit, NewTodo, Outcome, StorageLimits, Strategy, TodoStore, Upsert,
};
use domain::{Clock, TodoId, UserId};

use super::random::Random;
use super::recording_store::RecordingStore;
use super::user::any_edit;
use super::wire::{Answer, Fields, Lost, Reply, Request, Row, Server, Upload, Verdict};
use crate::build::{self, T0};
use crate::bus::RecordingBus;
use crate::fakes::ManualClock;
use crate::memory::MemoryStore;

/// A [`SyncService`] on a [`MemoryStore`], for one user.
pub struct InProcess {
    pub recorder: Arc<RecordingStore>,
    pub bus: Arc<RecordingBus>,
    pub user: UserId,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    service: SyncService,
    limits: StorageLimits,
}

impl InProcess {
    /// A server with one new user, who may have up to `quota` live todos.
    pub async fn new(quota: u32) -> Self {
        let bus = Arc::new(RecordingBus::new());
        let store = Arc::new(MemoryStore::new(bus.clone()));
        let new = build::new_user();
        let user = new.id;
        let registered = store.register(new, None, T0).await.expect("the store answers");
        assert!(matches!(registered, Registered::Done(_)));
        let recorder = Arc::new(RecordingStore::new(store.clone()));
        let clock = Arc::new(ManualClock::at(T0));
        let limits = StorageLimits { live: quota, ..StorageLimits::default() };
        let service = SyncService::new(recorder.clone(), clock.clone(), limits);
        Self { recorder, bus, user, store, clock, service, limits }
    }

    /// The server's clock. The devices' clocks are ahead of it or behind it.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Advances the clock, or sets it back now and then.
    pub fn pass_time(&self, random: &mut Random) {
        if random.chance(5) {
            self.clock.set(self.clock.now().minus(Duration::from_secs(2)));
        } else {
            self.clock.advance(Duration::from_micros(random.below(3_000_000)));
        }
    }

    /// Changes a todo at its current version, as a web page does, either now or immediately before
    /// the next read.
    pub async fn change_from_elsewhere(&self, random: &mut Random) {
        let rows: Vec<_> = self.rows().await.into_values().collect();
        if rows.is_empty() {
            return;
        }
        let id = random.pick(&rows).id;
        let action = match random.below(8) {
            0 => Action::Toggle,
            1 => Action::Delete,
            2 => Action::Restore,
            3 => Action::Create(NewTodo::new(build::title("bread"))),
            _ => Action::Edit(edit(&any_edit(random))),
        };
        let batch = Batch {
            changes: vec![build::change(id, Base::Current, action)],
            strategy: Strategy::Manual,
            all_or_nothing: false,
            cursor: None,
            limits: self.limits,
        };
        if random.chance(50) {
            self.recorder.commit_before_next_read(batch, self.clock.now());
        } else {
            self.recorder.commit(self.user, batch, self.clock.now()).await.expect("the store answers");
        }
    }

    /// Every todo of the user, tombstones included.
    pub async fn rows(&self) -> BTreeMap<TodoId, Row> {
        let all = self.store.changes(self.user, None, true, u32::MAX).await.expect("the store answers");
        let all = all.expect("the user exists").todos;
        all.iter().map(|todo| (todo.id(), Row::from(todo))).collect()
    }
}

impl Server for InProcess {
    async fn sync(&mut self, request: &Request) -> Result<Reply, Lost> {
        let request = SyncRequest {
            cursor: Cursor { since: request.last_sync, epoch: request.epoch.clone().map(Epoch) },
            strategy: request.strategy,
            changes: request.todos.iter().map(|upload| change(upload, &request.client_id)).collect(),
            limit: request.limit,
            include_deleted: true,
        };
        match self.service.sync(self.user, request).await.expect("the store answers") {
            SyncOutcome::Done(answer) => Ok(Reply::Done(reply(answer))),
            SyncOutcome::StaleCursor(_) => Ok(Reply::ResyncRequired),
            SyncOutcome::NoSuchUser => panic!("the user exists"),
        }
    }
}

fn change(upload: &Upload, client_id: &str) -> Change {
    Change {
        id: upload.id,
        base: upload.version.map_or(Base::Unknown, Base::Version),
        action: Action::Upsert(Upsert {
            edit: edit(&upload.fields),
            deleted: upload.fields.deleted,
            updated_at: Some(upload.updated_at),
            ..Upsert::default()
        }),
        client_id: Some(build::client(client_id)),
    }
}

fn edit(fields: &Fields) -> Edit {
    Edit {
        title: fields.text.as_deref().map(build::title),
        description: fields.description.as_ref().map(|text| text.as_deref().map(build::description)),
        completed: fields.completed,
        ..Edit::default()
    }
}

fn reply(answer: SyncAnswer) -> Answer {
    Answer {
        verdicts: answer.outcomes.iter().map(verdict).collect(),
        changes: answer.server_changes.iter().map(Row::from).collect(),
        has_more: answer.has_more,
        sync_timestamp: answer.sync_timestamp,
        epoch: answer.epoch.0,
    }
}

fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Applied { todo, .. } | Outcome::Unchanged { todo: Some(todo), .. } => {
            Verdict::Applied(todo.version())
        }
        Outcome::Unchanged { todo: None, .. } => Verdict::Applied(0),
        Outcome::Conflict(conflict) => {
            Verdict::Conflict { server: Row::from(&*conflict.current), server_wins: conflict.server_wins }
        }
        Outcome::Rejected(_) => Verdict::Rejected,
        Outcome::NotFound | Outcome::TextGone | Outcome::IdInUse(_) => {
            panic!("an upsert has no such outcome: {outcome:?}")
        }
    }
}
