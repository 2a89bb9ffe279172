//! Super Productivity: its whole state as JSON, with archived tasks.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::moment::{day, day_value, millis, time_value};
use crate::task::{Parent, Task, each};

/// Where tasks are in the state.
const TASKS: [&str; 4] = ["/task", "/taskArchive", "/archiveYoung/task", "/archiveOld/task"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    id: Option<String>,
    title: Option<String>,
    notes: Option<String>,
    #[serde(default)]
    is_done: bool,
    done_on: Option<f64>,
    created: Option<f64>,
    parent_id: Option<String>,
    project_id: Option<String>,
    #[serde(default)]
    tag_ids: Vec<String>,
    due_day: Option<String>,
    due_with_time: Option<f64>,
    planned_at: Option<f64>,
    repeat_cfg_id: Option<String>,
    #[serde(default)]
    time_spent_on_day: Map<String, Value>,
    #[serde(default)]
    attachments: Vec<Value>,
}

/// What the tasks refer to, by id.
struct Names {
    tags: HashMap<String, String>,
    projects: HashMap<String, String>,
    repeats: HashMap<String, Value>,
}

pub fn tasks(state: &Value) -> Vec<Task> {
    let names = Names {
        tags: titles(state, "/tag/entities"),
        projects: titles(state, "/project/entities"),
        repeats: entities(state, "/taskRepeatCfg/entities"),
    };
    let mut saved = Vec::new();
    for part in TASKS {
        let Some(part) = state.pointer(part) else { continue };
        let mut found = part.get("entities").and_then(Value::as_object).cloned().unwrap_or_default();
        let ids = part.get("ids").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        saved.extend(ids.iter().filter_map(|id| found.remove(id.as_str()?)));
        saved.extend(found.into_iter().map(|(_, task)| task));
    }
    each(&saved, |n| format!("task {n}"), |saved| task(saved, &names)).collect()
}

fn entities(state: &Value, pointer: &str) -> HashMap<String, Value> {
    let found = state.pointer(pointer).and_then(Value::as_object);
    found.into_iter().flatten().map(|(id, entity)| (id.clone(), entity.clone())).collect()
}

fn titles(state: &Value, pointer: &str) -> HashMap<String, String> {
    let title = |(id, entity): (String, Value)| Some((id, entity.get("title")?.as_str()?.to_owned()));
    entities(state, pointer).into_iter().filter_map(title).collect()
}

fn task(saved: Saved, names: &Names) -> Task {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of a millisecond, or a time that is none"
    )]
    let time = |time: Option<f64>| time.and_then(|time| millis(time as i64));
    let mut task = Task {
        id: saved.id,
        parent: saved.parent_id.map(Parent::Id),
        title: saved.title.unwrap_or_default(),
        notes: vec![saved.notes.unwrap_or_default()],
        completed: saved.is_done,
        completed_at: time(saved.done_on),
        created_at: time(saved.created),
        ..Task::default()
    };
    for tag in saved.tag_ids.iter().filter_map(|id| names.tags.get(id)) {
        task.tag(tag);
    }
    if let Some(project) = saved.project_id.and_then(|id| names.projects.get(&id)) {
        task.set("list", project.as_str());
    }
    let at = time(saved.due_with_time).or_else(|| time(saved.planned_at)).map(|time| time_value(&time));
    if let Some(due) = at.or_else(|| day(saved.due_day.as_deref()?).map(day_value)) {
        task.set("due", due);
    }
    if let Some(config) = saved.repeat_cfg_id.and_then(|id| names.repeats.get(&id)) {
        task.repeat(&rule(config));
    }
    if !saved.time_spent_on_day.is_empty() {
        task.leave_out("the time spent is");
    }
    if !saved.attachments.is_empty() {
        task.leave_out("attachments are");
    }
    task
}

/// The recurrence rule; empty if the configuration has no cycle.
fn rule(config: &Value) -> String {
    let Some(cycle) = config.get("repeatCycle").and_then(Value::as_str) else { return String::new() };
    let every = config.get("repeatEvery").and_then(Value::as_u64).filter(|every| *every > 1);
    let every = every.map(|every| format!("INTERVAL={every}"));
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let set = days.iter().filter(|day| cycle == "WEEKLY" && config.get(**day) == Some(&true.into()));
    let set: Vec<_> = set.map(|day| day[..2].to_uppercase()).collect();
    let by_day = (!set.is_empty()).then(|| format!("BYDAY={}", set.join(",")));
    let parts = [Some(format!("FREQ={cycle}")), every, by_day];
    parts.into_iter().flatten().collect::<Vec<_>>().join(";")
}
