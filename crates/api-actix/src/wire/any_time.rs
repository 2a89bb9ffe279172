//! Times in the forms that browsers and scripts write.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use domain::Stamp;

use crate::extract::{FieldError, TextOrNumber};

/// Date and time without an offset, as `datetime-local` inputs and Python's `str` write them.
const WITHOUT_OFFSET: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
/// An offset without a colon, and JavaScript's `Date.toString()`.
const WITH_OFFSET: [&str; 3] =
    ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%a %b %d %Y %H:%M:%S GMT%z"];
/// A day, and JavaScript's `Date.toDateString()`.
const DAYS: [&str; 2] = ["%Y-%m-%d", "%a %b %d %Y"];

/// Parses a time between the years 1 and 9999: RFC 3339, the same without an offset or a time (UTC), the
/// text of a JavaScript `Date`, or a number of milliseconds since 1970.
pub fn any_time(sent: &TextOrNumber<'_>) -> Result<Stamp, FieldError> {
    let micros = match sent {
        TextOrNumber::Number(millis) => micros_of_millis(millis),
        TextOrNumber::Text(text) => micros_of_text(text.trim()),
    };
    micros.and_then(Stamp::from_micros).ok_or_else(|| {
        FieldError::invalid(
            "must be a time of the years 1 to 9999: an RFC 3339 timestamp such as 2026-01-09T10:15:00Z, the text of a \
             JavaScript Date, or milliseconds since 1970",
        )
    })
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

fn micros_of_text(text: &str) -> Option<i64> {
    if let Ok(stamp) = text.parse::<Stamp>() {
        return Some(stamp.as_micros());
    }
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
    let utc = || without_offset().or_else(day).map(|time| time.and_utc().timestamp_micros());
    with_offset().map(|time| time.timestamp_micros()).or_else(utc)
}

#[cfg(test)]
mod tests {
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
