//! The form that the tasks of all programs share.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::export::Program;

/// A task, as a program has it.
#[derive(Clone, Debug, Default)]
pub struct Task {
    pub place: String,
    /// The task's id, unique among all tasks that the program has for the person.
    pub id: Option<String>,
    pub parent: Option<Parent>,
    pub title: String,
    /// Paragraphs, to be separated by blank lines.
    pub notes: Vec<String>,
    pub completed: bool,
    pub completed_at: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
    pub metadata: Vec<(String, Value)>,
    pub changes: Vec<String>,
    /// Why the task is not imported.
    pub skipped: Option<String>,
}

/// How a file refers to the task above.
#[derive(Clone, Debug)]
pub enum Parent {
    Id(String),
    Index(usize),
}

impl Task {
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.metadata.push((key.into(), value.into()));
    }

    pub fn tag(&mut self, name: &str) {
        let name = name.trim();
        if !name.is_empty() {
            self.set(format!("tag:{name}"), true);
        }
    }

    /// Notes that `what` is not in the todo.
    pub fn leave_out(&mut self, what: &str) {
        self.changes.push(format!("{what} left out"));
    }

    /// Sets the recurrence rule, without the name of the property and without `DTSTART`.
    pub fn repeat(&mut self, rule: &str) {
        let rule = rule.trim();
        let rule = rule.strip_prefix("RRULE:").unwrap_or(rule);
        if !rule.is_empty() {
            self.set("repeat", rule);
        }
    }

    /// Sets the list. The one that the file names is kept under the program's own key.
    pub fn move_to(&mut self, list: &str, program: Program) {
        for (key, _) in &mut self.metadata {
            if key == "list" {
                *key = format!("{}:list", program.prefix());
            }
        }
        self.set("list", list);
    }

    pub fn description(&self) -> Option<String> {
        let paragraphs: Vec<_> =
            self.notes.iter().map(|text| text.trim_end()).filter(|text| !text.is_empty()).collect();
        (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
    }
}

/// Reads the tasks one by one, so that one in another form does not affect the others. `place` gets the number
/// of the task, from 1.
pub fn each<'a, T: DeserializeOwned>(
    found: &'a [Value],
    place: impl Fn(usize) -> String + 'a,
    task: impl Fn(T) -> Task + 'a,
) -> impl Iterator<Item = Task> + 'a {
    (1..).zip(found).map(move |(n, value)| {
        let read = T::deserialize(value).map(&task);
        let unread = |error: serde_json::Error| Task {
            title: value
                .pointer("/title")
                .or(value.pointer("/task/title"))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            skipped: Some(format!("the task has another form: {error}")),
            ..Task::default()
        };
        Task { place: place(n), ..read.unwrap_or_else(unread) }
    })
}
