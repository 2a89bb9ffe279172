//! Microsoft To Do: the tasks of lists as Microsoft Graph returns them.

mod recurrence;

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use crate::moment::{day, day_value, in_zone, instant, time_value, zone};
use crate::task::{Task, each};
use recurrence::Recurrence;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    id: Option<String>,
    title: Option<String>,
    status: Option<String>,
    importance: Option<String>,
    body: Option<Body>,
    created_date_time: Option<String>,
    completed_date_time: Option<Moment>,
    due_date_time: Option<Moment>,
    reminder_date_time: Option<Moment>,
    recurrence: Option<Recurrence>,
    #[serde(default)]
    has_attachments: bool,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    checklist_items: Vec<Step>,
    #[serde(default)]
    linked_resources: Vec<Linked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    content: Option<String>,
    content_type: Option<String>,
}

/// A local time, and the name of its zone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    date_time: String,
    time_zone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    display_name: Option<String>,
    #[serde(default)]
    is_checked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Linked {
    display_name: Option<String>,
    web_url: Option<String>,
}

/// Whether these are tasks, or lists of tasks.
pub fn is_known(found: &[Value]) -> bool {
    let is_task = |task: &Value| task.get("title").is_some() && task.get("createdDateTime").is_some();
    let is_list = |list: &Value| list.get("tasks").is_some_and(Value::is_array);
    found.first().is_some_and(|first| is_task(first) || is_list(first))
}

pub fn tasks(found: &[Value]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for list in found {
        if let Some(of_list) = list.get("tasks").and_then(Value::as_array) {
            let name = list.get("displayName").and_then(Value::as_str).unwrap_or_default();
            tasks.extend(each(of_list, |n| format!("task {n} of {name:?}"), |saved| task(saved, name)));
        }
    }
    let alone: Vec<_> = found.iter().filter(|task| task.get("tasks").is_none()).cloned().collect();
    tasks.extend(each(&alone, |n| format!("task {n}"), |saved| task(saved, "")));
    tasks
}

fn task(saved: Saved, list: &str) -> Task {
    let mut task = Task {
        id: saved.id,
        title: saved.title.unwrap_or_default(),
        completed: saved.status.as_deref() == Some("completed"),
        created_at: saved.created_date_time.as_deref().and_then(instant),
        ..Task::default()
    };
    task.completed_at =
        saved.completed_date_time.and_then(|at| time(&mut task, &at)).map(|time| time.to_utc());
    if let Some(Body { content: Some(content), content_type }) = saved.body {
        if content_type.is_some_and(|kind| kind.eq_ignore_ascii_case("html")) && !content.trim().is_empty() {
            task.changes.push("the notes are HTML, which is shown as text".to_owned());
        }
        task.notes.push(content);
    }
    let mark = |done| if done { 'x' } else { ' ' };
    let steps = saved.checklist_items.iter();
    let steps = steps
        .filter_map(|step| Some(format!("- [{}] {}", mark(step.is_checked), step.display_name.as_ref()?)));
    task.notes.push(steps.collect::<Vec<_>>().join("\n"));
    let links = saved.linked_resources.iter().filter_map(|link| {
        Some(format!("{} {}", link.display_name.as_deref().unwrap_or_default(), link.web_url.as_ref()?))
    });
    task.notes.push(links.map(|link| link.trim_start().to_owned()).collect::<Vec<_>>().join("\n"));
    match saved.importance.as_deref() {
        Some("high") => task.set("priority", 1),
        Some("low") => task.set("priority", 4),
        _ => {}
    }
    for category in &saved.categories {
        task.tag(category);
    }
    if !list.is_empty() {
        task.set("list", list);
    }
    if let Some(due) = saved.due_date_time {
        let value =
            if due.date_time.contains("T00:00:00") { day(&due.date_time).map(day_value) } else { None };
        if let Some(value) = value.or_else(|| time(&mut task, &due).map(|time| time_value(&time))) {
            task.set("due", value);
        }
    }
    if let Some(at) = saved.reminder_date_time.and_then(|at| time(&mut task, &at)) {
        task.set("microsoft:reminder", time_value(&at));
    }
    if let Some(status) = saved.status.filter(|status| !matches!(status.as_str(), "completed" | "notStarted"))
    {
        task.set("microsoft:status", status);
    }
    match saved.recurrence.map(|recurrence| recurrence.rule()) {
        Some(Some(rule)) => task.repeat(&rule),
        Some(None) => task.leave_out("the recurrence is"),
        None => {}
    }
    if saved.has_attachments {
        task.leave_out("attachments are");
    }
    task
}

fn time(task: &mut Task, at: &Moment) -> Option<chrono::DateTime<Tz>> {
    let name = at.time_zone.as_deref().unwrap_or("UTC");
    let zone = zone(name).unwrap_or_else(|| {
        task.changes.push(format!("the time zone {name:?} is unknown: its times count as UTC"));
        Tz::UTC
    });
    in_zone(&at.date_time, zone)
}
