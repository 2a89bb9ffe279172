//! The exchange between a device and the server.
//!
//! A device keeps a cursor: the stamp up to which it has seen everything. It sends what it changed, with the version each
//! change was made against; the server decides each one, writes what it accepts in one transaction, and answers with
//! every todo changed after the cursor and a new cursor. Stamps of one user are handed out under that user's lock, so
//! commit order is stamp order and "everything after the cursor" misses nothing. A request whose answer was lost can
//! be sent again: what it asked for is in place already and is not done twice.
//!
//! A cursor can't be continued when tombstones it has not seen are gone (it is older than the horizon), or when it
//! comes from a history this database does not have (it is ahead of the user's clock, or of another epoch: the database
//! was restored from a backup). Then the device starts from the beginning.

mod service;

pub use service::{SyncAnswer, SyncOutcome, SyncRequest, SyncService};

use crate::time::Stamp;

/// Names one history of the database; it changes when a backup is restored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub String);

/// Where a device's knowledge ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The stamp up to which it has seen everything; `None` is the beginning.
    pub since: Option<Stamp>,
    /// The history it has seen it in, where it said so.
    pub epoch: Option<Epoch>,
}

/// Where the server stands for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The user's last stamp.
    pub clock: Stamp,
    /// The newest stamp among the tombstones removed for age.
    pub horizon: Stamp,
    /// The database's epoch.
    pub epoch: Epoch,
}

impl Cursor {
    /// The cursor at `since`, in whatever epoch.
    #[must_use]
    pub const fn at(since: Option<Stamp>) -> Self {
        Self { since, epoch: None }
    }

    /// Whether a device that holds this cursor learns everything it misses from "all that changed after it".
    #[must_use]
    pub fn continues(&self, position: &Position) -> bool {
        let epoch_fits = self.epoch.as_ref().is_none_or(|epoch| *epoch == position.epoch);
        let since_fits = self.since.is_none_or(|since| position.horizon <= since && since <= position.clock);
        epoch_fits && since_fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Stamp {
        Stamp::from_micros(micros).expect("a stamp")
    }

    fn continues(since: Option<i64>, epoch: Option<&str>) -> bool {
        let position = Position { clock: at(20), horizon: at(10), epoch: Epoch("now".into()) };
        Cursor { since: since.map(at), epoch: epoch.map(|name| Epoch(name.into())) }.continues(&position)
    }

    #[test]
    fn a_cursor_is_continued_between_horizon_and_clock_both_included() {
        assert!([10, 15, 20].into_iter().all(|since| continues(Some(since), None)));
        assert!(!continues(Some(9), None), "tombstones it has not seen are gone");
        assert!(!continues(Some(21), None), "it comes from a history that this database does not have");
    }

    #[test]
    fn the_beginning_is_always_continued_in_its_epoch() {
        assert!(continues(None, None) && continues(None, Some("now")));
        assert!(!continues(None, Some("before")));
    }

    #[test]
    fn another_epoch_is_never_continued_and_none_always() {
        assert!(continues(Some(15), Some("now")));
        assert!(!continues(Some(15), Some("before")));
    }
}
