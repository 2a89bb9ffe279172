//! Reads what a client lacks from the store, and sends it: the changes while the client was
//! disconnected, and those whose events did not reach this instance.
//!
//! The socket subscribes to the hub before it reads the first page. A change after the snapshot of
//! that page therefore waits in the mailbox, and a change that is in both the page and the mailbox
//! has the same stamp in both. No change is missed or sent twice. If the mailbox overflows
//! meanwhile, another page contains what was lost.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use domain::sync::{Epoch, Position, Replay, SyncService};
use domain::todo::{Changes, PART_BYTES};
use domain::{Stamp, StoreError, UserId};

use super::end::End;
use super::frame::Frame;
use super::mailbox::Mailbox;
use super::outgoing::{Outgoing, SendError};
use super::protocol;
use crate::memory_budget::{Exhausted, MemoryBudget, Owner, Reservation};

/// The bytes of texts after which a page ends.
const PAGE_BYTES: usize = 64 * 1024;

/// An upper bound on the texts of a todo, in bytes.
const LARGEST_TODO: usize = 128 * 1024;

/// How long a socket waits for the memory of a page.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(10);

/// The changes of one user.
pub struct Source<'a> {
    pub sync: &'a SyncService,
    pub user: UserId,
    /// The budget of the todos that sockets have to send.
    pub memory: &'a MemoryBudget,
    /// The most todos per page.
    pub page: u32,
}

/// Why the client can't be brought up to date.
pub enum Interruption {
    /// The store can't be read. What was sent until then counts.
    Store(StoreError),
    End(End),
}

impl From<SendError> for Interruption {
    fn from(error: SendError) -> Self {
        Self::End(error.into())
    }
}

impl From<Exhausted> for Interruption {
    fn from(reason: Exhausted) -> Self {
        Self::End(End::out_of_memory(reason))
    }
}

impl From<Interruption> for End {
    fn from(interruption: Interruption) -> Self {
        match interruption {
            Interruption::Store(error) => Self::failed(error),
            Interruption::End(end) => end,
        }
    }
}

/// A client that is up to date.
pub struct UpToDate {
    /// The client has every change up to this stamp.
    pub at: Stamp,
    pub epoch: Epoch,
    /// Whether the client has to sync from the beginning.
    pub resync: bool,
}

impl Source<'_> {
    /// The user's current position.
    pub async fn position(&self) -> Result<Position, Interruption> {
        let position = self.sync.position(self.user).await.map_err(Interruption::Store)?;
        position.ok_or_else(|| Interruption::End(End::account_gone()))
    }

    /// Sends every change after `since`, or `resync_required` if `since` can't be continued. Calls
    /// `progress` with the stamp of each todo that it sent, and after each page with the stamp up to
    /// which the client has every change.
    pub async fn catch_up(
        &self,
        since: Stamp,
        mailbox: &Mailbox,
        out: &Outgoing,
        mut progress: impl FnMut(Progress),
    ) -> Result<UpToDate, Interruption> {
        let (mut known, mut limit) = (since, self.page);
        loop {
            let mut memory = self.reserve(&mut limit).await?;
            // Before the read, so that every later event is in the mailbox or in the page.
            mailbox.rearm();
            let replay = self.sync.replay(self.user, known, limit).await.map_err(Interruption::Store)?;
            let (position, has_more, resync) = match replay {
                Replay::Changes(mut page) => {
                    page.cut(PAGE_BYTES);
                    known = page.complete_to();
                    let Changes { todos, has_more, position } = page;
                    let frames: Vec<(Stamp, Bytes)> = todos
                        .into_iter()
                        .map(|todo| (todo.updated_at(), protocol::replayed(&todo)))
                        .collect();
                    let bytes = frames.iter().map(|(_, frame)| frame.len()).sum();
                    memory.resize(bytes)?;
                    limit = self.limit_after(bytes, frames.len());
                    let memory = Arc::new(memory);
                    for (stamp, frame) in frames {
                        out.send(Frame::counted(frame, Arc::clone(&memory))).await?;
                        progress(Progress::Todo(stamp));
                    }
                    (position, has_more, false)
                }
                Replay::StaleCursor(position) => {
                    out.send(protocol::resync_required()).await?;
                    known = position.clock;
                    (position, false, true)
                }
                Replay::NoSuchUser => return Err(Interruption::End(End::account_gone())),
            };
            progress(Progress::Everything(known));
            if resync || !(has_more || mailbox.has_overflowed()) {
                return Ok(UpToDate { at: known, epoch: position.epoch(), resync });
            }
        }
    }

    /// Reserves the memory of a page of `limit` todos, whatever their size. If there is too little,
    /// makes the page smaller, and waits for the memory of a single todo.
    async fn reserve(&self, limit: &mut u32) -> Result<Reservation, Exhausted> {
        let owner = Owner::User(self.user);
        loop {
            match self.memory.try_reserve(owner, memory(*limit)) {
                Err(_) if *limit > 1 => *limit /= 2,
                Err(_) => return self.memory.reserve(owner, memory(*limit), MEMORY_TIMEOUT).await,
                reserved => return reserved,
            }
        }
    }

    /// How many todos the next page may have, if they are as large as those of the last one.
    fn limit_after(&self, bytes: usize, count: usize) -> u32 {
        let average = (bytes / count.max(1)).max(1);
        u32::try_from(PAGE_BYTES.div_ceil(average)).unwrap_or(u32::MAX).min(self.page)
    }
}

/// The memory for up to `limit` todos, as loaded and as written.
fn memory(limit: u32) -> usize {
    let texts = usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(LARGEST_TODO);
    2 * texts.min(PART_BYTES + LARGEST_TODO)
}

/// What the client has been sent.
pub enum Progress {
    /// The todo with this stamp.
    Todo(Stamp),
    /// Every change up to this stamp.
    Everything(Stamp),
}
