//! `TickTick`: a backup as CSV, with lines before the table.

use crate::moment::{day_value, instant, time_value, zone};
use crate::row::Row;
use crate::task::{Parent, Task};

/// The columns by which the table is recognised.
pub const COLUMNS: &[&str] = &["List Name", "Title", "Status", "Created Time"];

pub fn tasks<'a>(rows: impl Iterator<Item = Row<'a>>) -> Vec<Task> {
    rows.map(|row| task(&row)).collect()
}

fn task(row: &Row<'_>) -> Task {
    let status = row.get("Status").trim();
    let mut task = Task {
        place: row.place(),
        id: given(row.get("taskId")).map(str::to_owned),
        parent: given(row.get("parentId")).map(|parent| Parent::Id(parent.to_owned())),
        title: row.get("Title").to_owned(),
        notes: vec![notes(row)],
        completed: matches!(status, "1" | "2" | "-1"),
        completed_at: instant(row.get("Completed Time")),
        created_at: instant(row.get("Created Time")),
        ..Task::default()
    };
    if status == "-1" {
        task.changes.push("the task was given up, and counts as completed".to_owned());
    }
    for name in row.get("Tags").split(',') {
        task.tag(name);
    }
    let priority = match row.get("Priority") {
        "5" => Some(1),
        "3" => Some(2),
        "1" => Some(3),
        _ => None,
    };
    if let Some(priority) = priority {
        task.set("priority", priority);
    }
    dates(&mut task, row);
    let repeat = row.get("Repeat").trim();
    if repeat.starts_with("FREQ=") || repeat.starts_with("RRULE:") {
        task.repeat(repeat);
    } else if let Some(repeat) = given(repeat) {
        task.set("ticktick:repeat", repeat);
    }
    for (key, column) in [
        ("list", "List Name"),
        ("ticktick:folder", "Folder Name"),
        ("ticktick:column", "Column Name"),
        ("ticktick:reminder", "Reminder"),
    ] {
        if let Some(text) = given(row.get(column)) {
            task.set(key, text);
        }
    }
    if row.get("Kind") == "NOTE" {
        task.set("ticktick:kind", "NOTE");
    }
    task
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The items of a checklist begin with a white or a black square.
fn notes(row: &Row<'_>) -> String {
    let content = row.get("Content");
    if row.get("Is Check list") != "Y" {
        return content.to_owned();
    }
    let item = |line: &str| match (line.strip_prefix('▫'), line.strip_prefix('▪')) {
        (Some(open), _) => format!("- [ ] {open}"),
        (_, Some(done)) => format!("- [x] {done}"),
        _ => line.to_owned(),
    };
    content.split(['\r', '\n']).filter(|line| !line.is_empty()).map(item).collect::<Vec<_>>().join("\n")
}

/// A whole day is the midnight with which it begins in the task's zone.
fn dates(task: &mut Task, row: &Row<'_>) {
    let zone = zone(row.get("Timezone"));
    let whole_day = row.get("Is All Day").eq_ignore_ascii_case("true");
    let value = |column| {
        let time = instant(row.get(column))?;
        Some(match zone {
            Some(zone) if whole_day => day_value(time.with_timezone(&zone).date_naive()),
            None if whole_day => day_value(time.date_naive()),
            Some(zone) => time_value(&time.with_timezone(&zone)),
            None => time_value(&time),
        })
    };
    let (start, due) = (value("Start Date"), value("Due Date"));
    if let Some(due) = due.clone().or_else(|| start.clone()) {
        task.set("due", due);
    }
    if let Some(start) = start.filter(|start| due.as_ref().is_some_and(|due| due != start)) {
        task.set("ticktick:start", start);
    }
}
