//! Todoist: one project as CSV. A row is a task, a section, or a comment on the task above.

use chrono_tz::Tz;

use crate::moment::{day, day_value, in_zone, instant, time_value, zone};
use crate::row::Row;
use crate::task::{Parent, Task};

/// The columns by which the table is recognised.
pub const COLUMNS: &[&str] = &["TYPE", "CONTENT", "INDENT"];

pub fn tasks<'a>(rows: impl Iterator<Item = Row<'a>>) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut section = String::new();
    // The last task of each depth.
    let mut above: Vec<usize> = Vec::new();
    for row in rows {
        match row.get("TYPE") {
            "section" => {
                row.get("CONTENT").trim().clone_into(&mut section);
                above.clear();
            }
            "note" => {
                if let Some(task) = tasks.last_mut() {
                    task.notes.push(row.get("CONTENT").to_owned());
                }
            }
            "task" => {
                let depth = row.get("INDENT").parse::<usize>().unwrap_or(1).max(1);
                above.truncate(depth - 1);
                let mut task = task(&row);
                task.parent = above.last().map(|index| Parent::Index(*index));
                if !section.is_empty() {
                    task.set("list", section.as_str());
                }
                above.push(tasks.len());
                tasks.push(task);
            }
            _ => {}
        }
    }
    tasks
}

fn task(row: &Row<'_>) -> Task {
    let mut task =
        Task { place: row.place(), notes: vec![row.get("DESCRIPTION").to_owned()], ..Task::default() };
    let (title, labels) = labels(row.get("CONTENT"));
    title.clone_into(&mut task.title);
    for label in labels {
        task.tag(label);
    }
    // 4 is the priority of a task that was given none.
    if let Some(priority) = row.get("PRIORITY").parse().ok().filter(|priority| (1..4).contains(priority)) {
        task.set("priority", priority);
    }
    date(&mut task, row.get("DATE").trim(), zone(row.get("TIMEZONE")));
    for (key, text) in [
        ("todoist:deadline", row.get("DEADLINE").to_owned()),
        ("todoist:duration", format!("{} {}", row.get("DURATION"), row.get("DURATION_UNIT"))),
        ("todoist:responsible", row.get("RESPONSIBLE").to_owned()),
    ] {
        if !text.trim().is_empty() && text.trim() != "None" {
            task.set(key, text.trim());
        }
    }
    task
}

/// A date is the text that the person typed, unless it is a plain one.
fn date(task: &mut Task, text: &str, zone: Option<Tz>) {
    if text.is_empty() {
        return;
    }
    let local = || in_zone(text, zone.unwrap_or(Tz::UTC)).map(|time| time_value(&time));
    let time = instant(text).map(|time| time_value(&time)).or_else(local);
    let plain = || day(text).filter(|_| text.len() == "2026-01-09".len()).map(day_value);
    if let Some(due) = time.or_else(plain) {
        task.set("due", due);
    } else {
        task.set("todoist:date", text);
        task.changes.push(format!("the date {text:?} is kept as text, in todoist:date"));
    }
}

/// The text without the labels at its end.
fn labels(content: &str) -> (&str, Vec<&str>) {
    let (mut text, mut labels) = (content.trim_end(), Vec::new());
    while let Some((rest, word)) = text.rsplit_once(char::is_whitespace) {
        let Some(label) = word.strip_prefix('@').filter(|label| !label.is_empty()) else { break };
        labels.push(label);
        text = rest.trim_end();
    }
    labels.reverse();
    (text, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_at_the_end() {
        assert_eq!(labels("milk @shop @home "), ("milk", vec!["shop", "home"]));
        assert_eq!(labels("meet ann@example.com @ noon"), ("meet ann@example.com @ noon", vec![]));
        assert_eq!(labels("@alone"), ("@alone", vec![]));
    }

    #[test]
    fn a_plain_date_is_due_and_other_text_is_kept() {
        let read = |text: &str, zone: Option<Tz>| {
            let mut task = Task::default();
            date(&mut task, text, zone);
            task.metadata
                .pop()
                .map(|(key, value)| (key, value.as_str().map(str::to_owned).unwrap_or_default()))
        };
        let due = |value: &str| Some(("due".to_owned(), value.to_owned()));
        assert_eq!(read("2026-01-09", None), due("2026-01-09"));
        assert_eq!(read("2026-01-09T12:00:00Z", None), due("2026-01-09T12:00:00Z"));
        assert_eq!(read("2026-01-09 12:00", zone("Europe/Berlin")), due("2026-01-09T12:00:00+01:00"));
        for text in ["every monday", "2026-01-09 or so"] {
            assert_eq!(read(text, None), Some(("todoist:date".to_owned(), text.to_owned())));
        }
        assert_eq!(read("", None), None);
    }
}
