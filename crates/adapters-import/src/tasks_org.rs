//! Tasks.org: a backup as JSON.

use std::collections::HashMap;

use chrono::Timelike as _;
use serde::Deserialize;
use serde_json::Value;

use crate::export::{Program, ReadError};
use crate::moment::{day_value, millis, time_value};
use crate::task::{Task, each};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    tasks: Vec<Value>,
    #[serde(default)]
    caldav_calendars: Vec<Calendar>,
}

#[derive(Deserialize)]
struct Calendar {
    uuid: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    task: Properties,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    comments: Vec<Comment>,
    #[serde(default)]
    alarms: Vec<Value>,
    #[serde(default)]
    caldav_tasks: Vec<Place>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    title: Option<String>,
    notes: Option<String>,
    priority: Option<i64>,
    due_date: Option<i64>,
    hide_until: Option<i64>,
    creation_date: Option<i64>,
    completion_date: Option<i64>,
    deletion_date: Option<i64>,
    recurrence: Option<String>,
    remote_id: Option<String>,
}

#[derive(Deserialize)]
struct Tag {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Comment {
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    calendar: Option<String>,
    remote_parent: Option<String>,
}

pub fn tasks(file: &Value) -> Result<Vec<Task>, ReadError> {
    let data = file.get("data").cloned().unwrap_or_default();
    let data: Data =
        serde_json::from_value(data).map_err(|error| ReadError::malformed(Program::TasksOrg, &error))?;
    let lists: HashMap<_, _> =
        data.caldav_calendars.into_iter().filter_map(|list| Some((list.uuid?, list.name?))).collect();
    Ok(each(&data.tasks, |n| format!("task {n}"), |saved| task(saved, &lists)).collect())
}

fn task(saved: Saved, lists: &HashMap<String, String>) -> Task {
    let Saved { task: found, tags, comments, alarms, caldav_tasks } = saved;
    let completed_at = found.completion_date.and_then(millis);
    let mut task = Task {
        id: found.remote_id.filter(|id| !id.is_empty()),
        title: found.title.unwrap_or_default(),
        notes: vec![found.notes.unwrap_or_default()],
        completed: completed_at.is_some(),
        completed_at,
        created_at: found.creation_date.and_then(millis),
        skipped: found.deletion_date.and_then(millis).map(|_| "the task is deleted".to_owned()),
        ..Task::default()
    };
    task.notes.extend(comments.into_iter().filter_map(|comment| comment.message));
    for name in tags.iter().filter_map(|tag| tag.name.as_deref()) {
        task.tag(name);
    }
    // 0 is high, 1 medium, 2 low, 3 none.
    if let Some(priority) = found.priority.filter(|priority| (0..3).contains(priority)) {
        task.set("priority", priority + 1);
    }
    if let Some(due) = found.due_date.and_then(millis) {
        // Seconds show that the time of day counts. A day is noon or midnight where the person was.
        task.set(
            "due",
            match due.with_second(0).filter(|_| due.second() > 0) {
                Some(minute) => time_value(&minute),
                None => day_value(due.date_naive()),
            },
        );
    }
    if let Some(hidden) = found.hide_until.and_then(millis) {
        task.set("snooze", time_value(&hidden));
    }
    task.repeat(found.recurrence.as_deref().unwrap_or_default());
    for place in &caldav_tasks {
        if let Some(name) = place.calendar.as_ref().and_then(|list| lists.get(list)) {
            task.set("list", name.as_str());
        }
        if place.remote_parent.as_ref().is_some_and(|parent| !parent.is_empty()) {
            task.leave_out("the task above it is");
        }
    }
    if !alarms.is_empty() {
        task.leave_out("reminders are");
    }
    task
}
