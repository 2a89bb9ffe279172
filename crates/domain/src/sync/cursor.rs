//! Cursors: the position up to which a device knows a user's todos, and whether the server can
//! continue from that position.

use std::sync::Arc;

use super::digest::Digest;
use super::history::{Epoch, Epochs, History};
use super::timestamp::{InitialSync, SyncTimestamp};
use crate::time::Stamp;

/// The position up to which a device knows a user's todos.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The device knows everything up to this stamp. `None` is the beginning.
    pub since: Option<SyncTimestamp>,
    /// The history that the device read from, if the device named it.
    pub epoch: Option<Epoch>,
}

/// The server's state for one user, against which a cursor is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The user's last stamp.
    pub clock: Stamp,
    /// The newest stamp among the tombstones that were removed.
    pub horizon: Stamp,
    /// The digest of the user's live todos.
    pub digest: Digest,
    pub history: History,
    /// The database's epochs.
    pub epochs: Arc<Epochs>,
}

impl Position {
    /// The epoch that devices read from now.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.history.current_name(&self.epochs)
    }

    /// The timestamp for a device that has received everything up to `at`.
    #[must_use]
    pub fn sync_timestamp(&self, at: Stamp) -> SyncTimestamp {
        SyncTimestamp { at, initial_sync: (at < self.horizon).then(|| self.initial_sync()) }
    }

    fn initial_sync(&self) -> InitialSync {
        InitialSync::of(self.horizon)
    }
}

/// A cursor can't be continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleCursor {
    pub reason: StaleReason,
    /// The epoch that devices read from now.
    pub epoch: Epoch,
    /// The newest stamp among the tombstones that were removed.
    pub horizon: Stamp,
}

/// Why a cursor can't be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleReason {
    /// The database lost what the device may still hold: everything that changed after
    /// `restored_to`. `None` if the database does not know the device's epoch, so that the device
    /// has to compare everything.
    Restored { restored_to: Option<Stamp> },
    /// Tombstones that the device has not seen are gone.
    Forgotten,
}

impl Cursor {
    /// The cursor at `since`, in any epoch, outside an initial sync.
    #[must_use]
    pub fn at(since: Option<Stamp>) -> Self {
        Self { since: since.map(SyncTimestamp::from), epoch: None }
    }

    /// The stamp up to which the device knows everything. `None` is the beginning.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        self.since.map(|since| since.at)
    }

    /// Whether a device with this cursor learns everything it lacks from the todos that changed
    /// after the cursor. The beginning can always be continued. A cursor without an epoch counts as
    /// one of the current epoch.
    ///
    /// # Errors
    /// [`StaleCursor`] if not. A restore is reported before removed tombstones.
    pub fn check(&self, position: &Position) -> Result<(), StaleCursor> {
        let Some(since) = self.since else { return Ok(()) };
        let stale = |reason| Err(StaleCursor { reason, epoch: position.epoch(), horizon: position.horizon });
        let shared = match &self.epoch {
            None => Some(position.clock),
            Some(name) => {
                let epoch = position.history.find(name, &position.epochs);
                epoch.map(|epoch| position.history.shared_with(epoch, position.clock))
            }
        };
        let same_initial_sync = since.initial_sync == Some(position.initial_sync());
        if shared.is_none_or(|shared| since.at > shared) {
            stale(StaleReason::Restored { restored_to: shared })
        } else if since.at < position.horizon && !same_initial_sync {
            stale(StaleReason::Forgotten)
        } else {
            Ok(())
        }
    }

    /// Whether the cursor is of the current epoch and ahead of the user's clock: the database was
    /// restored without an announcement.
    #[must_use]
    pub fn shows_unannounced_restore(&self, position: &Position) -> bool {
        self.stamp().is_some_and(|since| since > position.clock)
            && self.epoch.as_ref().is_none_or(|epoch| *epoch == position.epoch())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Stamp {
        Stamp::from_micros(micros).expect("a stamp")
    }

    fn epochs<const N: usize>(names: [&str; N]) -> Arc<Epochs> {
        Arc::new(Epochs::new((1..).zip(names.map(str::to_owned))).expect("epochs"))
    }

    /// A user of a database in its first epoch, `now`.
    fn position(clock: i64, horizon: i64) -> Position {
        let (clock, horizon) = (at(clock), at(horizon));
        let history = History::new(1);
        Position { clock, horizon, digest: Digest::EMPTY, history, epochs: epochs(["now"]) }
    }

    fn cursor(since: i64, epoch: Option<&str>) -> Cursor {
        Cursor { epoch: epoch.map(|name| Epoch(name.into())), ..Cursor::at(Some(at(since))) }
    }

    /// The verdict on a cursor, with the stamp of a restore in microseconds.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Verdict {
        GoOn,
        Restored(i64),
        Unknown,
        Forgotten,
    }
    use Verdict::{Forgotten, GoOn, Restored, Unknown};

    fn verdict(cursor: &Cursor, position: &Position) -> Verdict {
        match cursor.check(position).map_err(|stale| stale.reason) {
            Ok(()) => GoOn,
            Err(StaleReason::Restored { restored_to: Some(at) }) => Restored(at.as_micros()),
            Err(StaleReason::Restored { restored_to: None }) => Unknown,
            Err(StaleReason::Forgotten) => Forgotten,
        }
    }

    #[test]
    fn an_initial_sync_continues_while_the_horizon_stays() {
        let cursor = |micros, initial_sync| {
            let since = Some(SyncTimestamp { at: at(micros), initial_sync });
            Cursor { since, epoch: None }
        };
        let mark = position(2000, 1500).sync_timestamp(at(5)).initial_sync;
        assert!(mark.is_some());
        assert_eq!(verdict(&cursor(5, mark), &position(2000, 1500)), GoOn);
        let moved = verdict(&cursor(5, mark), &position(2000, 1501));
        assert_eq!(moved, Forgotten, "more tombstones were removed");
        assert_eq!(verdict(&cursor(2001, mark), &position(2000, 1500)), Restored(2000));
        let at_the_horizon = SyncTimestamp::from(at(1500));
        assert_eq!(position(2000, 1500).sync_timestamp(at(1500)), at_the_horizon, "it needs no mark");
    }

    #[test]
    fn a_cursor_from_the_horizon_to_the_clock_can_be_continued() {
        let position = position(20, 10);
        for (since, expected) in [(10, GoOn), (15, GoOn), (20, GoOn), (9, Forgotten), (21, Restored(20))] {
            for epoch in [None, Some("now")] {
                let cursor = cursor(since, epoch);
                assert_eq!(verdict(&cursor, &position), expected, "{cursor:?}");
                assert_eq!(cursor.shows_unannounced_restore(&position), since == 21);
            }
        }
    }

    #[test]
    fn the_beginning_can_be_continued_in_any_epoch() {
        for epoch in [None, Some("now"), Some("before"), Some("")] {
            let beginning = Cursor { since: None, ..cursor(0, epoch) };
            assert_eq!(beginning.check(&position(20, 10)), Ok(()));
            assert!(!beginning.shows_unannounced_restore(&position(20, 10)));
        }
    }

    #[test]
    fn a_cursor_of_another_epoch_continues_up_to_where_the_histories_part() {
        let mut position = Position { epochs: epochs(["first", "second", "third"]), ..position(20, 10) };
        let check = |position: &Position, cases: &[(i64, &str, Verdict)]| {
            for (since, epoch, expected) in cases {
                assert_eq!(verdict(&cursor(*since, Some(epoch)), position), *expected, "{since} {epoch}");
            }
        };
        assert_eq!(position.epoch().as_str(), "third");
        let unwritten = [(20, "first", GoOn), (20, "second", GoOn), (21, "second", Restored(20))];
        check(&position, &unwritten);

        position.history.enter_current(&position.epochs, at(20));
        position.clock = at(30);
        check(
            &position,
            &[
                (20, "first", GoOn),
                (21, "first", Restored(20)),
                (9, "first", Forgotten),
                (25, "second", Restored(20)),
                (30, "third", GoOn),
                (31, "third", Restored(30)),
                (15, "fourth", Unknown),
                (15, "third.1", Unknown),
                (15, "", Unknown),
            ],
        );
        position.horizon = at(25);
        check(&position, &[(22, "first", Restored(20)), (22, "third", Forgotten)]);
    }

    #[test]
    fn an_epoch_of_the_user_alone_has_a_counter() {
        let mut position = position(20, 10);
        position.history.begin(&position.epochs, at(20));
        position.clock = at(40);
        position.history.begin(&position.epochs, at(40));
        position.clock = at(50);
        assert_eq!(position.epoch().as_str(), "now.2");
        for (since, epoch, expected) in [
            (20, "now", GoOn),
            (21, "now", Restored(20)),
            (40, "now.1", GoOn),
            (41, "now.1", Restored(40)),
            (50, "now.2", GoOn),
            (15, "now.3", Unknown),
            (15, "now.", Unknown),
            (15, "now.1.1", Unknown),
        ] {
            assert_eq!(verdict(&cursor(since, Some(epoch)), &position), expected, "{since} {epoch}");
        }
    }
}
