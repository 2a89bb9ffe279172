//! Instants and the clock port.

use std::time::Duration;

/// A UTC instant in microseconds since 1970-01-01, between the years 1 and 9999, so that it always has an RFC 3339
/// form.
///
/// As a todo's `updated_at` it is *the stamp*: unique and strictly increasing per user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp(i64);

impl Stamp {
    /// 0001-01-01T00:00:00.000000Z.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_799_999_999);
    /// 1970-01-01T00:00:00.000000Z.
    pub const EPOCH: Self = Self(0);

    /// `None` outside the years 1 to 9999.
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

    /// Later by `duration`, at most [`Stamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros).min(Self::MAX.0))
    }

    /// Earlier by `duration`, at least [`Stamp::MIN`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(Self::MIN.0))
    }

    /// How long after `earlier` this is; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Where the time comes from. Services ask it once per use case.
#[cfg_attr(test, mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current instant, as the world counts: it is set now and then, backwards too.
    fn now(&self) -> Stamp;

    /// How long the process's machine has been up since an instant of the adapter's own choice. MUST NOT go backwards, whatever the clock is
    /// set to; it may stand still while the machine sleeps.
    fn uptime(&self) -> Duration;

    /// Both, for what asks how old something is.
    fn reading(&self) -> Reading {
        Reading { now: self.now(), uptime: self.uptime() }
    }
}

/// An instant of this process by both of its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// By the clock that is set.
    pub now: Stamp,
    /// By the one that only goes on.
    pub uptime: Duration,
}

impl Reading {
    /// How long after `earlier` this is at most: the one clock may have been set back, the other have slept.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.now.since(earlier.now).max(self.uptime.saturating_sub(earlier.uptime))
    }
}

#[cfg(test)]
mod tests {
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
    fn an_age_is_what_either_clock_says_at_most() {
        let reading = |now: u64, uptime: u64| Reading {
            now: Stamp::EPOCH.plus(Duration::from_secs(now)),
            uptime: Duration::from_secs(uptime),
        };
        let start = reading(1000, 10);
        assert_eq!(reading(1005, 15).since(start), Duration::from_secs(5));
        assert_eq!(reading(100, 15).since(start), Duration::from_secs(5), "the clock was set back");
        assert_eq!(reading(5000, 11).since(start), Duration::from_secs(4000), "the machine slept");
        assert_eq!(start.since(reading(1005, 15)), Duration::ZERO);
    }

    #[test]
    fn whole_seconds_are_rounded_down_before_1970_too() {
        let secs = |micros| Stamp::from_micros(micros).map(Stamp::as_secs);
        assert_eq!((secs(1_999_999), secs(-1), secs(-1_000_000)), (Some(1), Some(-1), Some(-1)));
    }
}
