//! Instants, their RFC 3339 form, and the clock port.
//!
//! Deliberately absent: a way to read the system's clock. Time is an argument or comes through
//! [`Clock`], so that every rule can be tested at any instant.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike};
use thiserror::Error;

/// A UTC instant in microseconds since 1970-01-01, between the years 1 and 9999, so that it always
/// has an RFC 3339 form.
///
/// A todo's `updated_at` is its *stamp*: unique and strictly increasing per user.
///
/// ```
/// use domain::Stamp;
///
/// let stamp: Stamp = "2026-01-09T12:15:00.5+02:00".parse()?;
/// assert_eq!(stamp.to_string(), "2026-01-09T10:15:00.500000Z");
/// # Ok::<(), domain::time::InvalidStamp>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp(i64);

impl Stamp {
    /// 0001-01-01T00:00:00.000000Z.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_799_999_999);
    /// 1970-01-01T00:00:00.000000Z.
    pub const EPOCH: Self = Self(0);

    /// Returns `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < Self::MIN.0 || micros > Self::MAX.0 { None } else { Some(Self(micros)) }
    }

    /// Microseconds since 1970-01-01.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01, rounded down: the unit of JWT dates.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The next instant, one microsecond later.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(if self.0 >= Self::MAX.0 { self.0 } else { self.0 + 1 })
    }

    /// Adds `duration`, up to [`Stamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros).min(Self::MAX.0))
    }

    /// Subtracts `duration`, down to [`Stamp::MIN`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(Self::MIN.0))
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The RFC 3339 form with six fraction digits and `Z`, such as `2026-01-09T10:15:00.000000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.to_string()
    }

    /// The bytes of [`Self::to_rfc3339`]. Lists are timestamps to a good part, and chrono's formatting takes twice as long.
    fn rfc3339(self) -> [u8; 27] {
        // Every stamp is within chrono's range of years.
        let time = DateTime::from_timestamp_micros(self.0).unwrap_or_default().naive_utc();
        let (year, micros) = (time.year().unsigned_abs(), time.nanosecond() / 1_000);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |at: usize, pair: u32| {
            (text[at], text[at + 1]) = (DIGITS[(pair / 10) as usize], DIGITS[(pair % 10) as usize]);
        };
        put(0, year / 100);
        put(2, year % 100);
        put(5, time.month());
        put(8, time.day());
        put(11, time.hour());
        put(14, time.minute());
        put(17, time.second());
        put(20, micros / 10_000);
        put(22, micros / 100 % 100);
        put(24, micros % 100);
        text
    }
}

const DIGITS: &[u8; 10] = b"0123456789";

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.rfc3339()).unwrap_or_default())
    }
}

/// The text is not an RFC 3339 timestamp between the years 1 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be an RFC 3339 timestamp between the years 1 and 9999")]
pub struct InvalidStamp;

impl FromStr for Stamp {
    type Err = InvalidStamp;

    /// Accepts any offset. Digits beyond the microsecond are dropped.
    fn from_str(text: &str) -> Result<Self, InvalidStamp> {
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidStamp)?;
        Self::from_micros(instant.timestamp_micros()).ok_or(InvalidStamp)
    }
}

/// The source of the current time. A service reads it once per use case.
#[cfg_attr(test, mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current UTC time. An operator or NTP may set it, backwards too.
    fn now(&self) -> Stamp;

    /// The time since an arbitrary instant, by a monotonic clock. MUST NOT go backwards when the
    /// UTC clock is set; it may stand still while the machine sleeps.
    fn uptime(&self) -> Duration;

    /// Reads both clocks, for measuring an age with [`ClockReading::since`].
    fn reading(&self) -> ClockReading {
        ClockReading { now: self.now(), uptime: self.uptime() }
    }
}

/// One instant by the UTC clock and by the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    pub now: Stamp,
    pub uptime: Duration,
}

impl ClockReading {
    /// The longest time that may have passed since `earlier`: the UTC clock may have been set back,
    /// and the monotonic clock may have stood still.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.now.since(earlier.now).max(self.uptime.saturating_sub(earlier.uptime))
    }
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_stamp_lies_in_the_years_that_have_an_rfc_3339_form() {
        for edge in [Stamp::MIN, Stamp::EPOCH, Stamp::MAX] {
            assert_eq!(Stamp::from_micros(edge.as_micros()), Some(edge));
        }
        assert_eq!(Stamp::from_micros(Stamp::MIN.as_micros() - 1), None);
        assert_eq!(Stamp::from_micros(Stamp::MAX.as_micros() + 1), None);
    }

    #[test]
    fn every_stamp_survives_its_rfc_3339_form() {
        let mut micros = Stamp::MIN.as_micros();
        while let Some(stamp) = Stamp::from_micros(micros) {
            let text = stamp.to_string();
            let by_chrono = DateTime::from_timestamp_micros(micros).expect("in chrono's range");
            assert_eq!(text, by_chrono.to_rfc3339_opts(SecondsFormat::Micros, true));
            assert_eq!(text.parse(), Ok(stamp));
            // A prime number of microseconds, about 25 days: every month, every hour, many
            // fractions.
            micros += 2_160_000_000_029 + 999_983;
        }
        let forms = [Stamp::MIN, Stamp::EPOCH, Stamp::MAX].map(Stamp::to_rfc3339);
        let expected =
            ["0001-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"];
        assert_eq!(forms, expected);
    }

    #[test]
    fn offsets_are_honoured_and_other_forms_are_refused() {
        let parse = |text: &str| text.parse::<Stamp>();
        let noon = parse("2026-01-09T12:00:00.5Z");
        assert_eq!(noon.map(Stamp::as_micros), Ok(1_767_960_000_500_000));
        assert_eq!(parse("2026-01-09T14:00:00.500+02:00"), noon);
        assert_eq!(parse("2026-01-09t12:00:00.500000999z"), noon);
        for text in [
            "0000-12-31T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "0001-01-01T00:00:00+01:00",
            "2026-01-09",
            "2026-01-09T12:00:00",
            "2026-02-30T12:00:00Z",
            "1767960000",
            "",
        ] {
            assert_eq!(parse(text), Err(InvalidStamp), "{text}");
        }
    }

    #[test]
    fn nothing_is_before_the_first_stamp_or_after_the_last() {
        assert_eq!(Stamp::EPOCH.next().as_micros(), 1);
        assert_eq!(Stamp::MAX.next(), Stamp::MAX);
        assert_eq!(Stamp::MAX.plus(SECOND), Stamp::MAX);
        assert_eq!(Stamp::EPOCH.plus(Duration::MAX), Stamp::MAX);
        assert_eq!(Stamp::MIN.minus(SECOND), Stamp::MIN);
        assert_eq!(Stamp::EPOCH.minus(Duration::MAX), Stamp::MIN);
    }

    #[test]
    fn durations_add_and_subtract() {
        let later = Stamp::EPOCH.plus(SECOND);
        assert_eq!((later.as_micros(), later.minus(SECOND)), (1_000_000, Stamp::EPOCH));
        assert_eq!(later.since(Stamp::EPOCH), SECOND);
        assert_eq!(Stamp::EPOCH.since(later), Duration::ZERO);
    }

    #[test]
    fn an_age_is_the_longer_of_what_the_two_clocks_measure() {
        let reading = |now: u64, uptime: u64| ClockReading {
            now: Stamp::EPOCH.plus(Duration::from_secs(now)),
            uptime: Duration::from_secs(uptime),
        };
        let start = reading(1000, 10);
        assert_eq!(reading(1005, 15).since(start), Duration::from_secs(5));
        assert_eq!(reading(100, 15).since(start), Duration::from_secs(5), "the clock was set back");
        assert_eq!(reading(5000, 11).since(start), Duration::from_secs(4000), "the machine was suspended");
        assert_eq!(start.since(reading(1005, 15)), Duration::ZERO);
    }

    #[test]
    fn whole_seconds_are_rounded_down_before_1970_too() {
        let secs = |micros| Stamp::from_micros(micros).map(Stamp::as_secs);
        assert_eq!((secs(1_999_999), secs(-1), secs(-1_000_000)), (Some(1), Some(-1), Some(-1)));
    }
}
