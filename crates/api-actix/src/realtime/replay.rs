//! Sends what changed while the client was disconnected.
//!
//! The socket subscribes to the hub before it reads the first page. A change after the snapshot of
//! that page therefore waits in the mailbox, and a change that is in both the page and the mailbox
//! has the same stamp in both. No change is missed or sent twice. If the mailbox overflows
//! meanwhile, another page contains what was lost.

use domain::sync::{Epoch, Position, Replay, SyncService};
use domain::{Stamp, UserId};

use super::end::End;
use super::mailbox::Mailbox;
use super::outgoing::Outgoing;
use super::protocol;

/// The number of todos per page.
const PAGE: u32 = 100;

/// The changes of one user.
pub struct Source<'a> {
    pub sync: &'a SyncService,
    pub user: UserId,
}

impl Source<'_> {
    async fn position(&self) -> Result<Position, End> {
        let position = self.sync.position(self.user).await.map_err(End::failed)?;
        position.ok_or_else(End::account_gone)
    }
}

/// Sends every change after `since` and returns the stamp up to which the client has every change, and
/// its epoch. Without `since`, sends nothing; if `since` can't be continued, sends `resync_required`.
/// In both cases, returns the user's current stamp.
pub async fn catch_up(
    source: &Source<'_>,
    since: Option<Stamp>,
    mailbox: &Mailbox,
    out: &Outgoing,
) -> Result<(Stamp, Epoch), End> {
    let mut epoch = None;
    let mut known = if let Some(since) = since {
        since
    } else {
        let position = source.position().await?;
        epoch = Some(position.epoch());
        position.clock
    };
    let mut behind = since.is_some() || mailbox.has_overflowed();
    while behind {
        // Before the read, so that every later event is in the mailbox or in the page.
        mailbox.rearm();
        match source.sync.replay(source.user, known, PAGE).await.map_err(End::failed)? {
            Replay::Changes(page) => {
                for todo in &page.todos {
                    out.send(protocol::replayed(todo)).await?;
                }
                known = page.complete_to();
                epoch = Some(page.position.epoch());
                behind = page.has_more;
            }
            Replay::StaleCursor(position) => {
                out.send(protocol::resync_required()).await?;
                known = position.clock;
                epoch = Some(position.epoch());
                behind = false;
            }
            Replay::NoSuchUser => return Err(End::account_gone()),
        }
        behind |= mailbox.has_overflowed();
    }
    let epoch = match epoch {
        Some(epoch) => epoch,
        None => source.position().await?.epoch(),
    };
    Ok((known, epoch))
}
