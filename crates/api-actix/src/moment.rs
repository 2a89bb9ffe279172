//! Instants on the wire: RFC 3339, UTC, six fraction digits, `Z`.

use chrono::DateTime;
use domain::Stamp;
use domain::sync;
use serde::{Serialize, Serializer};

/// A stamp that serialises as `2026-01-09T10:15:00.000000Z`. It is written by hand because a page of todos has a hundred
/// of them and a general formatter costs more than the rest of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Stamp);

impl Moment {
    /// Reads RFC 3339 with any offset; what is finer than a microsecond is dropped. `None` for any other form, and outside
    /// the years 1 to 9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Stamp> {
        let instant = DateTime::parse_from_rfc3339(text).ok()?;
        Stamp::from_micros(instant.timestamp_micros())
    }

    fn write(self) -> [u8; 27] {
        let micros = self.0.as_micros();
        let (days, in_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
        let (year, month, day) = civil(days);
        let (seconds, fraction) = (in_day / 1_000_000, in_day % 1_000_000);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], seconds / 3600);
        digits(&mut text[14..16], seconds / 60 % 60);
        digits(&mut text[17..19], seconds % 60);
        digits(&mut text[20..26], fraction);
        text
    }
}

fn digits(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01 (the Gregorian calendar has 146,097 days in 400 years; years begin in March
/// here, so that the leap day comes last).
const fn civil(days: i64) -> (i64, i64, i64) {
    let from_march_of_year_0 = days + 719_468;
    let era = from_march_of_year_0.div_euclid(146_097);
    let day_of_era = from_march_of_year_0.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + next_year, month, day)
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.write()).unwrap_or_default())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.write()).unwrap_or_default())
    }
}

/// The cursor of a device, as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncTimestamp(pub sync::SyncTimestamp);

impl Serialize for SyncTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_chrono_writes() {
        let mut micros = Stamp::MIN.as_micros();
        while let Some(stamp) = Stamp::from_micros(micros) {
            let chrono = DateTime::from_timestamp_micros(micros).expect("in range");
            let text = Moment(stamp).to_string();
            assert_eq!(text, chrono.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
            assert_eq!(Moment::parse(&text), Some(stamp));
            // A prime number of microseconds, about 25 days: every month, every hour, many fractions.
            micros += 2_160_000_000_029 + 999_983;
        }
        assert_eq!(Moment(Stamp::MAX).to_string(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn offsets_are_honoured_and_other_forms_are_refused() {
        let noon = Moment::parse("2026-01-09T12:00:00.5Z");
        assert_eq!(Moment::parse("2026-01-09T14:00:00.500+02:00"), noon);
        assert_eq!(Moment::parse("2026-01-09t12:00:00.500000999z"), noon);
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
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
