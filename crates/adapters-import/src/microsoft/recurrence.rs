//! Recurrence as Microsoft Graph has it, and as a rule of RFC 5545.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Recurrence {
    pattern: Option<Pattern>,
    range: Option<Range>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pattern {
    r#type: String,
    #[serde(default)]
    interval: u32,
    #[serde(default)]
    month: u32,
    #[serde(default)]
    day_of_month: u32,
    #[serde(default)]
    days_of_week: Vec<String>,
    index: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    r#type: Option<String>,
    end_date: Option<String>,
    #[serde(default)]
    number_of_occurrences: u32,
}

impl Recurrence {
    /// The rule; `None` for a pattern that is not known.
    pub fn rule(&self) -> Option<String> {
        let pattern = self.pattern.as_ref()?;
        let parts = match pattern.r#type.as_str() {
            "daily" => vec!["FREQ=DAILY".to_owned()],
            "weekly" => vec!["FREQ=WEEKLY".to_owned(), pattern.days(None)],
            "absoluteMonthly" => vec!["FREQ=MONTHLY".to_owned(), pattern.day()],
            "relativeMonthly" => vec!["FREQ=MONTHLY".to_owned(), pattern.days(pattern.ordinal())],
            "absoluteYearly" => vec!["FREQ=YEARLY".to_owned(), pattern.month(), pattern.day()],
            "relativeYearly" => {
                vec!["FREQ=YEARLY".to_owned(), pattern.month(), pattern.days(pattern.ordinal())]
            }
            _ => return None,
        };
        let interval = (pattern.interval > 1).then(|| format!("INTERVAL={}", pattern.interval));
        let end = self.range.as_ref().and_then(Range::end);
        let parts = parts.into_iter().chain(interval).chain(end).filter(|part| !part.is_empty());
        Some(parts.collect::<Vec<_>>().join(";"))
    }
}

impl Pattern {
    fn day(&self) -> String {
        if self.day_of_month > 0 { format!("BYMONTHDAY={}", self.day_of_month) } else { String::new() }
    }

    fn month(&self) -> String {
        if self.month > 0 { format!("BYMONTH={}", self.month) } else { String::new() }
    }

    fn ordinal(&self) -> Option<i32> {
        let ordinals = [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)];
        let index = self.index.as_deref().unwrap_or("first");
        ordinals.into_iter().find(|(name, _)| *name == index).map(|(_, ordinal)| ordinal)
    }

    fn days(&self, ordinal: Option<i32>) -> String {
        let ordinal = ordinal.map(|ordinal| ordinal.to_string()).unwrap_or_default();
        let days = self.days_of_week.iter().filter_map(|day| day.get(..2));
        let days: Vec<_> = days.map(|day| format!("{ordinal}{}", day.to_uppercase())).collect();
        if days.is_empty() { String::new() } else { format!("BYDAY={}", days.join(",")) }
    }
}

impl Range {
    fn end(&self) -> Option<String> {
        match self.r#type.as_deref()? {
            "endDate" => Some(format!("UNTIL={}", self.end_date.as_ref()?.replace('-', ""))),
            "numbered" => Some(format!("COUNT={}", self.number_of_occurrences)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(pattern: &Value, range: &Value) -> Option<String> {
        let recurrence = json!({"pattern": pattern, "range": range});
        serde_json::from_value::<Recurrence>(recurrence).expect("a recurrence").rule()
    }

    #[test]
    fn patterns_are_rules() {
        let no_end = json!({"type": "noEnd", "endDate": "0001-01-01"});
        for (pattern, expected) in [
            (json!({"type": "daily", "interval": 3}), "FREQ=DAILY;INTERVAL=3"),
            (
                json!({"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "friday"]}),
                "FREQ=WEEKLY;BYDAY=MO,FR",
            ),
            (
                json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}),
                "FREQ=MONTHLY;BYMONTHDAY=31",
            ),
            (
                json!({"type": "relativeMonthly", "interval": 2, "daysOfWeek": ["tuesday"], "index": "last"}),
                "FREQ=MONTHLY;BYDAY=-1TU;INTERVAL=2",
            ),
            (
                json!({"type": "absoluteYearly", "interval": 1, "month": 12, "dayOfMonth": 24}),
                "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24",
            ),
        ] {
            assert_eq!(rule(&pattern, &no_end).as_deref(), Some(expected), "{pattern}");
        }
        let daily = json!({"type": "daily", "interval": 1});
        let until = json!({"type": "endDate", "endDate": "2026-12-31"});
        assert_eq!(rule(&daily, &until).as_deref(), Some("FREQ=DAILY;UNTIL=20261231"));
        let count = json!({"type": "numbered", "numberOfOccurrences": 5});
        assert_eq!(rule(&daily, &count).as_deref(), Some("FREQ=DAILY;COUNT=5"));
        assert_eq!(rule(&json!({"type": "lunar"}), &no_end), None);
    }
}
