//! Cursors: the position up to which a device knows a user's todos, and whether the server can
//! continue from that position.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;

use crate::time::{InvalidStamp, Stamp};

/// Names one history of the database. It changes when a backup is restored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub String);

impl Epoch {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Epoch {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Epoch {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl FromStr for Epoch {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Self(name.to_owned()))
    }
}

/// The mark of a device that is reading from the beginning and has not reached the horizon yet: a
/// number from 1 to 999 that stands for the horizon.
///
/// While the horizon stays where it is, the device has missed no deletion. When it moves, the
/// device has to start again. One horizon in 999 has the same mark; a device can then miss a
/// deletion, but only if it comes back after tombstones expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InitialSync(u16);

impl InitialSync {
    /// The largest mark.
    pub const MAX: u16 = 999;

    /// Returns `None` for a number outside 1 to 999.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number >= 1 && number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The number, from 1 to 999.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// The stamp up to which a device knows everything, and the mark of an initial sync.
///
/// In its text form, the RFC 3339 timestamp has six fraction digits, or nine during an initial
/// sync: the last three are the mark. A client returns the text unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SyncTimestamp {
    pub at: Stamp,
    pub initial_sync: Option<InitialSync>,
}

impl From<Stamp> for SyncTimestamp {
    fn from(at: Stamp) -> Self {
        Self { at, initial_sync: None }
    }
}

impl fmt::Display for SyncTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = self.at.to_rfc3339();
        match self.initial_sync {
            Some(mark) => write!(f, "{}{:03}Z", stamp.trim_end_matches('Z'), mark.number()),
            None => f.write_str(&stamp),
        }
    }
}

impl FromStr for SyncTimestamp {
    type Err = InvalidStamp;

    fn from_str(text: &str) -> Result<Self, InvalidStamp> {
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidStamp)?;
        let at = Stamp::from_micros(instant.timestamp_micros()).ok_or(InvalidStamp)?;
        let initial_sync =
            u16::try_from(instant.timestamp_subsec_nanos() % 1000).ok().and_then(InitialSync::new);
        Ok(Self { at, initial_sync })
    }
}

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
    /// The newest stamp among the tombstones that were removed for their age.
    pub horizon: Stamp,
    /// The database's epoch.
    pub epoch: Epoch,
}

impl Position {
    /// The timestamp for a device that has received everything up to `at`.
    #[must_use]
    pub fn sync_timestamp(&self, at: Stamp) -> SyncTimestamp {
        SyncTimestamp { at, initial_sync: (at < self.horizon).then(|| self.initial_sync()) }
    }

    fn initial_sync(&self) -> InitialSync {
        let rest = self.horizon.as_micros().rem_euclid(InitialSync::MAX.into());
        InitialSync(u16::try_from(rest).unwrap_or_default() + 1)
    }
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
    /// after the cursor.
    #[must_use]
    pub fn continues(&self, position: &Position) -> bool {
        let same_epoch = self.epoch.as_ref().is_none_or(|epoch| *epoch == position.epoch);
        let in_reach = |since: SyncTimestamp| {
            let same_initial_sync = since.initial_sync == Some(position.initial_sync());
            (same_initial_sync || position.horizon <= since.at) && since.at <= position.clock
        };
        same_epoch && self.since.is_none_or(in_reach)
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
        let epoch = epoch.map(|name| Epoch(name.into()));
        Cursor { epoch, ..Cursor::at(since.map(at)) }.continues(&position)
    }

    #[test]
    fn an_initial_sync_continues_while_the_horizon_stays() {
        let position =
            |horizon| Position { clock: at(2000), horizon: at(horizon), epoch: Epoch("now".into()) };
        let cursor = |micros, initial_sync| {
            let since = Some(SyncTimestamp { at: at(micros), initial_sync });
            Cursor { since, epoch: None }
        };
        let mark = position(1500).sync_timestamp(at(5)).initial_sync;
        assert!(mark.is_some());
        assert!(cursor(5, mark).continues(&position(1500)));
        assert!(!cursor(5, mark).continues(&position(1501)), "more tombstones were removed");
        assert!(!cursor(2001, mark).continues(&position(1500)), "the cursor is ahead of the clock");
        let at_the_horizon = SyncTimestamp::from(at(1500));
        assert_eq!(position(1500).sync_timestamp(at(1500)), at_the_horizon, "it needs no mark");
        let marks = (0..3000).filter_map(|horizon| position(horizon).sync_timestamp(Stamp::MIN).initial_sync);
        assert!(marks.map(InitialSync::number).all(|number| InitialSync::new(number).is_some()));
        assert!(InitialSync::new(0).is_none() && InitialSync::new(1000).is_none());
    }

    #[test]
    fn a_timestamp_survives_its_text_form() {
        let at: Stamp = "2026-08-13T11:40:22.274944Z".parse().expect("a stamp");
        for number in [0, 1, 40, 999] {
            let sent = SyncTimestamp { at, initial_sync: InitialSync::new(number) };
            assert_eq!(sent.to_string().parse(), Ok(sent), "{sent}");
        }
        let marked = SyncTimestamp { at, initial_sync: InitialSync::new(7) };
        assert_eq!(marked.to_string(), "2026-08-13T11:40:22.274944007Z");
        assert_eq!(SyncTimestamp::from(at).to_string(), at.to_string());
    }

    #[test]
    fn a_cursor_from_the_horizon_to_the_clock_can_be_continued() {
        assert!([10, 15, 20].into_iter().all(|since| continues(Some(since), None)));
        assert!(!continues(Some(9), None), "tombstones that the device has not seen are gone");
        assert!(
            !continues(Some(21), None),
            "the cursor comes from a history that this database does not have"
        );
    }

    #[test]
    fn the_beginning_can_always_be_continued_in_its_epoch() {
        assert!(continues(None, None) && continues(None, Some("now")));
        assert!(!continues(None, Some("before")));
    }

    #[test]
    fn a_cursor_of_another_epoch_is_never_continued() {
        assert!(continues(Some(15), Some("now")));
        assert!(!continues(Some(15), Some("before")));
    }
}
