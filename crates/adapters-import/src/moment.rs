//! Times as other programs write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone as _, Utc};
use chrono_tz::Tz;
use domain::Stamp;
use serde_json::Value;

/// An instant of RFC 3339, or one whose offset has no colon, such as `+0000`.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let rfc3339 = DateTime::parse_from_rfc3339(text).ok();
    let time = rfc3339.or_else(|| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok())?;
    Some(time.to_utc())
}

/// Milliseconds since 1970. 0 and less means that there is no time.
pub fn millis(millis: i64) -> Option<DateTime<Utc>> {
    if millis > 0 { DateTime::from_timestamp_millis(millis) } else { None }
}

pub fn stamp(time: DateTime<Utc>) -> Option<Stamp> {
    Stamp::from_micros(time.timestamp_micros())
}

/// A zone of the IANA database.
pub fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

/// A time without an offset, in the time of `zone`. Of a time that occurs twice, the first.
pub fn in_zone(text: &str, zone: Tz) -> Option<DateTime<Tz>> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    zone.from_local_datetime(&time).earliest()
}

/// The day with which a text begins.
pub fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()
}

/// A day, as the convention for `due` has it.
pub fn day_value(day: NaiveDate) -> Value {
    day.to_string().into()
}

/// An instant with its offset, as the convention for `due` has it.
pub fn time_value<Z: chrono::TimeZone>(time: &DateTime<Z>) -> Value {
    time.fixed_offset().to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let noon = instant("2026-01-09T12:00:00Z").expect("a time");
        assert_eq!(instant("2026-01-09T13:00:00.000+0100"), Some(noon));
        assert_eq!(millis(noon.timestamp_millis()), Some(noon));
        assert_eq!((millis(0), millis(-1), instant("tomorrow")), (None, None, None));
        let berlin = zone("Europe/Berlin").expect("a zone");
        let local = in_zone("2026-01-09T13:00:00.0000000", berlin).expect("a time");
        assert_eq!(local.to_utc(), noon);
        assert_eq!(time_value(&local), "2026-01-09T13:00:00+01:00");
        assert_eq!(time_value(&noon), "2026-01-09T12:00:00Z");
        assert_eq!(day("2026-01-09T00:00:00Z").map(day_value), Some("2026-01-09".into()));
        assert_eq!((day("2026-1-9"), day("é"), zone("Pacific Standard Time")), (None, None, None));
    }
}
