//! Google Tasks: `Tasks.json` of Google Takeout, the lists with their tasks.

use serde::Deserialize;
use serde_json::Value;

use crate::export::{Program, ReadError};
use crate::moment::{day, day_value, instant, time_value};
use crate::task::{Parent, Task, each};

#[derive(Deserialize)]
struct List {
    title: Option<String>,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct Item {
    id: Option<String>,
    title: Option<String>,
    notes: Option<String>,
    status: Option<String>,
    due: Option<String>,
    completed: Option<String>,
    created: Option<String>,
    parent: Option<String>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    recurrence: Vec<String>,
    #[serde(default)]
    scheduled_time: Vec<Scheduled>,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Scheduled {
    start: Option<String>,
    #[serde(default)]
    current: bool,
}

#[derive(Deserialize)]
struct Link {
    description: Option<String>,
    link: Option<String>,
}

pub fn tasks(file: &Value) -> Result<Vec<Task>, ReadError> {
    let lists = file.get("items").cloned().unwrap_or_default();
    let lists: Vec<List> = if file.get("kind") == Some(&"tasks#tasks".into()) {
        vec![List { title: None, items: serde_json::from_value(lists).map_err(malformed)? }]
    } else {
        serde_json::from_value(lists).map_err(malformed)?
    };
    let tasks = lists.iter().flat_map(|list| {
        let name = list.title.as_deref().unwrap_or_default();
        each(&list.items, move |n| format!("task {n} of {name:?}"), move |item: Item| task(item, name))
    });
    Ok(tasks.collect())
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of `map_err`")]
fn malformed(error: serde_json::Error) -> ReadError {
    ReadError::malformed(Program::GoogleTasks, &error)
}

fn task(item: Item, list: &str) -> Task {
    let mut task = Task {
        id: item.id,
        parent: item.parent.map(Parent::Id),
        title: item.title.unwrap_or_default(),
        notes: vec![item.notes.unwrap_or_default()],
        completed: item.status.as_deref() == Some("completed"),
        completed_at: item.completed.as_deref().and_then(instant),
        created_at: item.created.as_deref().and_then(instant),
        skipped: item.deleted.then(|| "the task is in the bin".to_owned()),
        ..Task::default()
    };
    let links = item.links.iter().filter_map(|link| {
        let (text, address) = (link.description.as_deref().unwrap_or_default(), link.link.as_deref()?);
        Some(format!("{text} {address}").trim_start().to_owned())
    });
    task.notes.push(links.collect::<Vec<_>>().join("\n"));
    if !list.is_empty() {
        task.set("list", list);
    }
    let current = item.scheduled_time.iter().find(|time| time.current).or(item.scheduled_time.first());
    // A task without a time of day is due at midnight UTC of its day.
    if let Some(due) = item.due.as_deref().or_else(|| current?.start.as_deref()) {
        let time = instant(due).filter(|_| !due.contains("T00:00:00")).map(|time| time_value(&time));
        if let Some(value) = time.or_else(|| day(due).map(day_value)) {
            task.set("due", value);
        }
    }
    if let Some(rule) = item.recurrence.iter().find(|rule| rule.starts_with("RRULE:")) {
        task.repeat(rule);
    }
    task
}
