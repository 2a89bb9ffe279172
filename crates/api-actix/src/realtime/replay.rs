//! Sends what changed while the client was disconnected.
//!
//! The socket subscribes to the hub before it reads the first page. So a change after the snapshot of that
//! page waits in the mailbox, and a change that is in both has the same stamp: no change is missed or sent
//! twice. If the mailbox overflows meanwhile, another page contains what was lost.

use domain::sync::{Cursor, Position};
use domain::todo::{Changes, TodoStore};
use domain::{Stamp, StoreError, UserId};

use super::end::End;
use super::mailbox::Mailbox;
use super::outgoing::Outgoing;
use super::protocol;

/// The number of todos per page.
const PAGE: u32 = 100;

/// The changes of one user.
pub struct Source<'a> {
    pub store: &'a dyn TodoStore,
    pub user: UserId,
}

impl Source<'_> {
    /// The user's newest stamp.
    pub async fn clock(&self) -> Result<Stamp, End> {
        found(self.store.clock(self.user).await)
    }

    async fn page(&self, since: Stamp) -> Result<Changes, End> {
        found(self.store.changes(self.user, Some(since), PAGE).await)
    }
}

fn found<T>(result: Result<Option<T>, StoreError>) -> Result<T, End> {
    match result {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(End::account_gone()),
        Err(error) => Err(End::failed(error)),
    }
}

/// Sends every change after `since` and returns the stamp up to which the client has everything. Without
/// `since` nothing is sent. If `since` is too old to continue from, `resync_required` is sent. In both
/// cases the result is the user's current stamp.
pub async fn catch_up(
    source: &Source<'_>,
    since: Option<Stamp>,
    mailbox: &Mailbox,
    out: &Outgoing,
) -> Result<Stamp, End> {
    let mut known = match since {
        Some(since) => since,
        None => source.clock().await?,
    };
    let mut behind = since.is_some() || mailbox.has_overflowed();
    while behind {
        // Before the read, so that every later event is in the mailbox or in the page.
        mailbox.rearm();
        let page = source.page(known).await?;
        if continues(known, &page.position) {
            for todo in &page.todos {
                out.send(protocol::replayed(todo)).await?;
            }
            known = page.complete_to();
            behind = page.has_more;
        } else {
            out.send(protocol::resync_required()).await?;
            known = page.position.clock;
            behind = false;
        }
        behind |= mailbox.has_overflowed();
    }
    Ok(known)
}

fn continues(known: Stamp, position: &Position) -> bool {
    Cursor::at(Some(known)).continues(position)
}
