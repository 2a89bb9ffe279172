//! What changed while the client was away.
//!
//! The socket is subscribed to the hub before the first page is read, so whatever is committed after that page's snapshot
//! waits in the mailbox, and what is in both is recognised by its stamp: nothing is missed, nothing is told twice. If the
//! mailbox overflows meanwhile, the store is asked for more instead: all that was lost was committed before the next page
//! is read.

use domain::sync::{Cursor, Position};
use domain::todo::{Changes, TodoStore};
use domain::{Stamp, StoreError, UserId};

use super::mailbox::Mailbox;
use super::outgoing::Outgoing;
use super::protocol;
use super::socket::End;

/// How many todos are read at once.
const PAGE: u32 = 100;

/// Where one user's changes are read from.
pub struct Source<'a> {
    /// The store.
    pub store: &'a dyn TodoStore,
    /// The user.
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

fn found<T>(answer: Result<Option<T>, StoreError>) -> Result<T, End> {
    match answer {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(End::account_gone()),
        Err(error) => Err(End::failed(error)),
    }
}

/// Tells everything after `since` and gives the stamp up to which the client knows everything. Without a `since`, and with one
/// that can't be continued, which the client is told, that is the user's clock as it stands.
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
        // Before the read, so that what is published from here on is either in the mailbox or in the page.
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
