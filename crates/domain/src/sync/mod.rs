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
//!
//! Whoever starts there gets page after page, and the first pages may end before the horizon: what was deleted up to there is in none
//! of them, so nothing is missed. Such a cursor carries a [`Walk`], which tells it from an old one.

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
    /// Where it is on its way from the beginning and behind the horizon.
    pub walk: Option<Walk>,
}

/// Names the horizon before which a device started from the beginning: 1 to 999. While the horizon stays, the device has missed no
/// deletion; once it moves, the walk is over. Another horizon has the same name once in 999 times, and then a deletion is missed only by a
/// device that came back after longer than tombstones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Walk(u16);

impl Walk {
    /// The greatest.
    pub const MAX: u16 = 999;

    /// `None` for a number that no walk has.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number >= 1 && number <= Self::MAX { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
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

impl Position {
    /// The walk of a device that is given everything up to `cursor` and has more to get.
    #[must_use]
    pub fn walk_at(&self, cursor: Stamp) -> Option<Walk> {
        (cursor < self.horizon).then(|| self.walk())
    }

    fn walk(&self) -> Walk {
        let rest = self.horizon.as_micros().rem_euclid(Walk::MAX.into());
        Walk(u16::try_from(rest).unwrap_or_default() + 1)
    }
}

impl Cursor {
    /// The cursor at `since`, in whatever epoch.
    #[must_use]
    pub const fn at(since: Option<Stamp>) -> Self {
        Self { since, epoch: None, walk: None }
    }

    /// Whether a device that holds this cursor learns everything it misses from "all that changed after it".
    #[must_use]
    pub fn continues(&self, position: &Position) -> bool {
        let epoch_fits = self.epoch.as_ref().is_none_or(|epoch| *epoch == position.epoch);
        let walks = self.walk == Some(position.walk());
        let fits = |since| (walks || position.horizon <= since) && since <= position.clock;
        epoch_fits && self.since.is_none_or(fits)
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
        Cursor { since: since.map(at), epoch, walk: None }.continues(&position)
    }

    #[test]
    fn a_walk_from_the_beginning_goes_on_while_the_horizon_stays() {
        let position =
            |horizon| Position { clock: at(2000), horizon: at(horizon), epoch: Epoch("now".into()) };
        let walking = |since, walk| Cursor { since: Some(at(since)), epoch: None, walk };
        let walk = position(1500).walk_at(at(5));
        assert!(walk.is_some());
        assert!(walking(5, walk).continues(&position(1500)));
        assert!(!walking(5, walk).continues(&position(1501)), "more tombstones went");
        assert!(!walking(2001, walk).continues(&position(1500)), "it is ahead of the clock");
        assert_eq!(position(1500).walk_at(at(1500)), None, "whoever is at the horizon needs none");
        let numbers = (0..3000).filter_map(|horizon| position(horizon).walk_at(Stamp::MIN));
        assert!(numbers.map(Walk::number).all(|number| Walk::new(number).is_some()));
        assert!(Walk::new(0).is_none() && Walk::new(1000).is_none());
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
