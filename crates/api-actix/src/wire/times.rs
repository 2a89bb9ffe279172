//! Times in the forms that programs write: Python, Swift and JavaScript, each by its defaults.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use domain::Stamp;

use crate::extract::{FieldError, Text, TextOrNumber};

/// Date and time without an offset, as `datetime-local` inputs and Python's `str` write them.
const WITHOUT_OFFSET: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
/// An offset without a colon, the description of a Swift `Date`, and JavaScript's `Date.toString()`.
const WITH_OFFSET: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f %z",
    "%a %b %d %Y %H:%M:%S GMT%z",
];
/// A day, and JavaScript's `Date.toDateString()`.
const DAYS: [&str; 2] = ["%Y-%m-%d", "%a %b %d %Y"];

/// Parses a time between the years 1 and 9999: RFC 3339, the same without an offset or a time (UTC), the
/// text of a JavaScript `Date`, or a number of milliseconds since 1970.
pub fn any_time(sent: &TextOrNumber<'_>) -> Result<Stamp, FieldError> {
    let stamp = match sent {
        TextOrNumber::Number(millis) => micros_of_millis(millis).and_then(Stamp::from_micros),
        TextOrNumber::Text(text) => instant(text),
    };
    stamp.ok_or_else(|| {
        FieldError::invalid(
            "must be a time of the years 1 to 9999: an RFC 3339 timestamp such as 2026-01-09T10:15:00Z, the text of a \
             JavaScript Date, or milliseconds since 1970",
        )
    })
}

/// Parses a time in any of the forms of text.
#[expect(clippy::needless_pass_by_value, reason = "a parser takes what the member contains")]
pub fn timestamp<T: FromStr>(text: Text<'_>) -> Result<T, FieldError> {
    instant(&text.0).ok_or_else(not_a_timestamp)
}

/// Like [`timestamp`], for a query, in which a `+` that is not escaped arrives as a space.
pub fn timestamp_in_query<T: FromStr>(text: &str) -> Result<T, FieldError> {
    let with_plus = || {
        let (date, zone) = text.split_at(text.find(" (").unwrap_or(text.len()));
        let (time, offset) = date.rsplit_once(' ')?;
        instant(&format!("{time}+{offset}{zone}"))
    };
    instant(text).or_else(with_plus).ok_or_else(not_a_timestamp)
}

fn not_a_timestamp() -> FieldError {
    FieldError::invalid(
        "must be an RFC 3339 timestamp of the years 1 to 9999, such as 2026-01-09T10:15:00.000000Z",
    )
}

/// Reads a [`Stamp`], or another value whose text form is an RFC 3339 timestamp with up to nine digits.
fn instant<T: FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    let normal =
        || date_time(text).and_then(|time| time.to_rfc3339_opts(SecondsFormat::Nanos, true).parse().ok());
    text.parse().ok().or_else(normal)
}

fn micros_of_millis(millis: &str) -> Option<i64> {
    if let Ok(whole) = millis.parse::<i64>() {
        return whole.checked_mul(1000);
    }
    let micros = (millis.parse::<f64>().ok()? * 1000.0).round();
    let in_range = (as_f64(Stamp::MIN)..=as_f64(Stamp::MAX)).contains(&micros);
    #[expect(clippy::cast_possible_truncation, reason = "the value is in the range of a stamp")]
    in_range.then_some(micros as i64)
}

#[expect(clippy::cast_precision_loss, reason = "bounds of a range that is checked again")]
fn as_f64(stamp: Stamp) -> f64 {
    stamp.as_micros() as f64
}

fn date_time(text: &str) -> Option<DateTime<Utc>> {
    // "Fri Jan 09 2026 10:15:00 GMT+0100 (Central European Standard Time)"
    let text = text.split_once(" (").map_or(text, |(date, _zone)| date);
    let with_offset = || {
        let rfc2822 = DateTime::parse_from_rfc2822(text).ok();
        rfc2822.or_else(|| WITH_OFFSET.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()))
    };
    let without_offset =
        || WITHOUT_OFFSET.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || {
        let day = DAYS.iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok());
        day.map(|day| day.and_time(NaiveTime::MIN))
    };
    let utc = || without_offset().or_else(day).map(|time| time.and_utc());
    with_offset().map(|time| time.to_utc()).or_else(utc)
}

#[cfg(test)]
mod tests {
    use domain::sync::SyncTimestamp;

    use super::*;

    fn read(sent: &TextOrNumber<'_>) -> Option<String> {
        any_time(sent).ok().map(Stamp::to_rfc3339)
    }

    #[test]
    fn the_forms_of_browsers_and_scripts_are_read() {
        for (text, expected) in [
            ("2021-03-02T15:04:05.678Z", "2021-03-02T15:04:05.678000Z"),
            ("2021-03-02T15:04:05+01:00", "2021-03-02T14:04:05.000000Z"),
            ("2021-03-02T15:04:05+0100", "2021-03-02T14:04:05.000000Z"),
            ("2021-03-02 15:04:05.5+00:00", "2021-03-02T15:04:05.500000Z"),
            ("2021-03-02T15:04:05.123456", "2021-03-02T15:04:05.123456Z"),
            ("2021-03-02 15:04:05", "2021-03-02T15:04:05.000000Z"),
            ("2021-03-02T15:04", "2021-03-02T15:04:00.000000Z"),
            (" 2021-03-02 ", "2021-03-02T00:00:00.000000Z"),
            (
                "Tue Mar 02 2021 15:04:05 GMT+0100 (Mitteleurop\u{e4}ische Normalzeit)",
                "2021-03-02T14:04:05.000000Z",
            ),
            ("Tue Mar 02 2021 15:04:05 GMT-0800 (PST)", "2021-03-02T23:04:05.000000Z"),
            ("Tue Mar 02 2021 15:04:05 GMT+0000", "2021-03-02T15:04:05.000000Z"),
            ("Tue, 02 Mar 2021 14:04:05 GMT", "2021-03-02T14:04:05.000000Z"),
            ("Tue Mar 02 2021", "2021-03-02T00:00:00.000000Z"),
        ] {
            assert_eq!(read(&TextOrNumber::Text(text.into())).as_deref(), Some(expected), "{text}");
        }
        for (millis, expected) in [
            ("0", "1970-01-01T00:00:00.000000Z"),
            ("1614693845678", "2021-03-02T14:04:05.678000Z"),
            ("1614693845678.25", "2021-03-02T14:04:05.678250Z"),
            ("1.614693845678e12", "2021-03-02T14:04:05.678000Z"),
            ("-1", "1969-12-31T23:59:59.999000Z"),
            ("253402300799999", "9999-12-31T23:59:59.999000Z"),
        ] {
            assert_eq!(read(&TextOrNumber::Number(millis)).as_deref(), Some(expected), "{millis}");
        }
    }

    #[test]
    fn a_query_may_leave_a_plus_unescaped() {
        let read = |text: &str| timestamp_in_query::<Stamp>(text).ok().map(Stamp::to_rfc3339);
        for text in [
            "2021-03-02T15:04:05 01:00",
            "2021-03-02 15:04:05.000 01:00",
            "2021-03-02T15:04:05 0100",
            "2021-03-02T15:04:05+01:00",
            "2021-03-02T14:04:05",
            "Tue Mar 02 2021 15:04:05 GMT 0100 (CET)",
        ] {
            assert_eq!(read(text).as_deref(), Some("2021-03-02T14:04:05.000000Z"), "{text}");
        }
        for text in ["", " ", "now 01:00", "2021-03-02T15:04:05 99:00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_keeps_its_mark_in_every_form() {
        let cursor = "2021-03-02T15:04:05.123456007Z";
        for text in [cursor, "2021-03-02 15:04:05.123456007", "2021-03-02T16:04:05.123456007+0100"] {
            let read = timestamp::<SyncTimestamp>(Text(text.into())).ok().map(|read| read.to_string());
            assert_eq!(read.as_deref(), Some(cursor), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "yesterday",
            "1614693845678",
            "02/03/2021",
            "2021-02-30",
            "2021-03-02T25:00:00",
            "0000-12-31",
            "10000-01-01",
            "Mon Mar 02 2021 15:04:05 GMT+0100",
            "Invalid Date",
        ] {
            assert_eq!(read(&TextOrNumber::Text(text.into())), None, "{text}");
        }
        for millis in
            ["253402300800000", "-62135596800001", "9223372036854775807", "1e300", "-1e300", "1e999"]
        {
            assert_eq!(read(&TextOrNumber::Number(millis)), None, "{millis}");
        }
    }
}
