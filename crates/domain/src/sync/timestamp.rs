//! The timestamp in a cursor, with the mark of an initial sync.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;

use crate::time::{InvalidStamp, Stamp};

/// The mark of a device that is reading from the beginning and has not reached the horizon yet: a
/// number from 1 to 999 that stands for the horizon.
///
/// While the horizon stays where it is, the device has missed no deletion. When it moves, the
/// device has to start again. One horizon in 999 has the same mark. A device can then miss a
/// deletion, and the digest at the end of its sync shows that. A longer mark would not fit: parsers
/// of timestamps keep at most nine fraction digits.
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

    /// The mark of a device that reads while the horizon is here.
    #[must_use]
    pub fn of(horizon: Stamp) -> Self {
        let rest = horizon.as_micros().rem_euclid(Self::MAX.into());
        Self(u16::try_from(rest).unwrap_or_default() + 1)
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
        match self.initial_sync {
            Some(mark) => write!(f, "{}{:03}Z", self.at.to_rfc3339().trim_end_matches('Z'), mark.number()),
            None => self.at.fmt(f),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_horizon_has_a_mark_from_1_to_999() {
        let horizons = (-1000..3000).map(|micros| Stamp::from_micros(micros).expect("a stamp"));
        let marks: Vec<_> = horizons.map(|horizon| InitialSync::of(horizon).number()).collect();
        assert_eq!((marks.iter().min(), marks.iter().max()), (Some(&1), Some(&InitialSync::MAX)));
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
}
