//! Reads what a client lacks from the store, and sends it: the changes while the client was
//! disconnected, and those whose events did not reach this instance.
//!
//! The socket subscribes to the hub before it reads the first page. A change after the snapshot of
//! that page therefore waits in the mailbox, and a change that is in both the page and the mailbox
//! has the same stamp in both. No change is missed or sent twice. If the mailbox overflows
//! meanwhile, another page contains what was lost.

use domain::sync::{Epoch, Position, Replay, SyncService};
use domain::{Stamp, StoreError, UserId};

use super::end::End;
use super::mailbox::Mailbox;
use super::outgoing::{Outgoing, SendError};
use super::protocol;

/// The changes of one user.
pub struct Source<'a> {
    pub sync: &'a SyncService,
    pub user: UserId,
    /// The number of todos per page.
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
        let mut known = since;
        loop {
            // Before the read, so that every later event is in the mailbox or in the page.
            mailbox.rearm();
            let replay = self.sync.replay(self.user, known, self.page).await.map_err(Interruption::Store)?;
            let (position, has_more, resync) = match replay {
                Replay::Changes(page) => {
                    for todo in &page.todos {
                        out.send(protocol::replayed(todo)).await?;
                        progress(Progress::Todo(todo.updated_at()));
                    }
                    known = page.complete_to();
                    (page.position, page.has_more, false)
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
}

/// What the client has been sent.
pub enum Progress {
    /// The todo with this stamp.
    Todo(Stamp),
    /// Every change up to this stamp.
    Everything(Stamp),
}
