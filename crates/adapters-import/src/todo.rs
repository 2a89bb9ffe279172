//! How tasks become todos.

use std::collections::{BTreeMap, HashMap};
use std::iter::successors;

use domain::ids::{ForeignId, ForeignKey};
use domain::todo::{Fitted, Metadata, MetadataEdit, MetadataKey, MetadataValue, NewTodo, Title};
use domain::{TodoId, UserId};
use serde_json::json;

use crate::export::{Entry, Export, Program};
use crate::moment::stamp;
use crate::task::{Parent, Task};

/// Makes the tasks todos of `user`. `list` is the name that the person gives to the list in the file, if any.
pub fn export(program: Program, mut tasks: Vec<Task>, user: UserId, list: Option<&str>) -> Export {
    if let Some(list) = list {
        for task in &mut tasks {
            task.move_to(list, program);
        }
    }
    let ids = ids(program, &tasks, user);
    // Only a task that becomes a todo can be the parent of one.
    let kept: Vec<_> =
        tasks.iter().zip(&ids).map(|(task, id)| todo(&mut task.clone()).is_ok().then_some(*id)).collect();
    let by_id: HashMap<_, _> =
        tasks.iter().zip(&kept).filter_map(|(task, id)| Some((task.id.clone()?, (*id)?))).collect();
    let entry = |(mut task, id): (Task, &TodoId)| {
        let parent = match task.parent.take() {
            Some(Parent::Id(parent)) => by_id.get(&parent).copied(),
            Some(Parent::Index(index)) => kept.get(index).copied().flatten(),
            None => None,
        };
        if let Some(parent) = parent {
            task.set("parent", parent.to_string());
        }
        let todo = todo(&mut task).map(|todo| (*id, todo));
        Entry { place: task.place, title: task.title, changes: task.changes, todo }
    };
    let entries = tasks.into_iter().zip(&ids).map(entry).collect();
    Export { program, entries }
}

/// The id of each todo. Never change how it is made: every file would be imported a second time.
fn ids(program: Program, tasks: &[Task], user: UserId) -> Vec<TodoId> {
    let mut equal: HashMap<String, usize> = HashMap::new();
    let id = |task: &Task| {
        if let Some(id) = &task.id {
            let id = format!("{}:{id}", program.prefix());
            return TodoId::imported(
                user,
                &ForeignKey { id: ForeignId::Given(&id), created_at: "", text: "" },
            );
        }
        let text = key(tasks, task);
        let equal = equal.entry(text.clone()).or_default();
        let preceding = std::mem::replace(equal, *equal + 1);
        let id = ForeignId::Missing { preceding };
        TodoId::imported(user, &ForeignKey { id, created_at: program.prefix(), text: &text })
    };
    tasks.iter().map(id).collect()
}

/// So many of the titles above a task identify it. No program nests as deep; a forged file would cost the square
/// of its tasks.
const ABOVE: usize = 16;

/// What identifies a task without an id: all that the file says about it, except whether and when it was
/// completed, with the titles of the tasks above it.
fn key(tasks: &[Task], task: &Task) -> String {
    let above = |task: &&Task| match task.parent {
        Some(Parent::Index(index)) => tasks.get(index),
        _ => None,
    };
    let path: Vec<_> = successors(above(&task), above).take(ABOVE).map(|task| &*task.title).collect();
    let metadata: BTreeMap<_, _> = task.metadata.iter().map(|(key, value)| (key, value)).collect();
    let created_at = task.created_at.map(|time| time.timestamp_micros());
    json!([task.title, task.description(), path, created_at, metadata]).to_string()
}

fn todo(task: &mut Task) -> Result<NewTodo, String> {
    if let Some(reason) = task.skipped.take() {
        return Err(reason);
    }
    let notes = task.description();
    let Fitted { title, description } = Fitted::new(&task.title, notes.as_deref());
    let title = title.map_err(|error| format!("the title {error}"))?;
    let description = description.map_err(|error| format!("the notes: a todo's description {error}"))?;
    if task.title.trim().is_empty() {
        task.changes.push("the title is empty: the first line of the notes is the title".to_owned());
    } else if task.title.trim().chars().count() > Title::MAX {
        let max = Title::MAX;
        task.changes.push(format!("the title is longer than {max} characters: all of it begins the notes"));
    }
    let metadata = metadata(task);
    Ok(NewTodo {
        title,
        description,
        completed: task.completed,
        metadata,
        created_at: task.created_at.and_then(stamp),
        completed_at: task.completed_at.filter(|_| task.completed).and_then(stamp),
    })
}

/// As much of the metadata as a todo can have.
fn metadata(task: &mut Task) -> MetadataEdit {
    let (mut edit, mut bytes) = (MetadataEdit::new(), 0);
    for (name, value) in std::mem::take(&mut task.metadata) {
        let entry = serde_json_canonicalizer::to_string(&value).ok().and_then(|text| {
            Some((MetadataKey::parse(&name).ok()?, MetadataValue::from_canonical(&text).ok()?))
        });
        let fits = |(key, value): &(MetadataKey, MetadataValue)| {
            let size = bytes + key.as_str().len() + value.as_str().len();
            edit.len() < Metadata::MAX_KEYS && size <= Metadata::MAX_BYTES
        };
        match entry.filter(fits) {
            Some((key, value)) => {
                bytes += key.as_str().len() + value.as_str().len();
                edit.insert(key, Some(value));
            }
            None => task.changes.push(format!("{name:?} is more than metadata can hold and is left out")),
        }
    }
    edit
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));

    fn one(task: Task) -> Entry {
        export(Program::Todoist, vec![task], ANN, None).entries.remove(0)
    }

    fn titled(title: &str) -> Task {
        Task { title: title.to_owned(), ..Task::default() }
    }

    #[test]
    fn ids_depend_on_the_task_alone() {
        let with_id = Task { id: Some("7".to_owned()), ..titled("milk") };
        let renamed = Task { id: Some("7".to_owned()), ..titled("oat milk") };
        let ids = |tasks: Vec<Task>| {
            export(Program::TickTick, tasks, ANN, None)
                .entries
                .into_iter()
                .map(|entry| entry.todo.expect("a todo").0)
        };
        let first: Vec<_> =
            ids(vec![with_id.clone(), titled("milk"), titled("milk"), titled("eggs")]).collect();
        let again: Vec<_> = ids(vec![titled("eggs"), titled("milk"), titled("milk"), renamed]).collect();
        assert_eq!([first[0], first[1], first[2], first[3]], [again[3], again[1], again[2], again[0]]);
        let distinct: std::collections::HashSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert_eq!(first[0].to_string(), IMPORTED, "another value would import every file a second time");
    }

    #[test]
    fn a_task_without_an_id_is_identified_by_all_that_the_file_says() {
        let with = |key: &str, value: &str| {
            let mut task = titled("Call back");
            task.set(key, value);
            task
        };
        let nested = Task { parent: Some(Parent::Index(0)), ..titled("Call back") };
        let created = Task { created_at: crate::moment::millis(1), ..titled("Call back") };
        let todos = vec![
            titled("Call back"),
            nested.clone(),
            Task { parent: Some(Parent::Index(1)), ..nested },
            created,
            with("list", "Garden"),
            with("due", "2026-01-09"),
            with("priority", "1"),
        ];
        let ids = |list: Option<&str>| -> Vec<_> {
            let entries = export(Program::Todoist, todos.clone(), ANN, list).entries;
            entries.into_iter().map(|entry| entry.todo.expect("a todo").0).collect()
        };
        let all = [ids(None), ids(Some("Home")), ids(Some("Work"))].concat();
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 3 * todos.len());
        let done = Task { completed: true, completed_at: crate::moment::millis(2), ..titled("Call back") };
        assert_eq!(one(done).todo.expect("a todo").0, all[0], "completing a task makes no other of it");
    }

    #[test]
    fn tasks_nested_without_end_have_bounded_keys_and_ids_of_their_own() {
        let nested = |n: usize| Task { parent: n.checked_sub(1).map(Parent::Index), ..titled("deeper") };
        let tasks: Vec<_> = (0..100).map(nested).collect();
        assert_eq!(key(&tasks, &tasks[99]).len(), key(&tasks, &tasks[ABOVE]).len());
        let ids: std::collections::HashSet<_> = ids(Program::Todoist, &tasks, ANN).into_iter().collect();
        assert_eq!(ids.len(), tasks.len());
    }

    #[test]
    fn the_list_that_the_person_names_takes_precedence() {
        let mut task = titled("milk");
        task.set("list", "Garden");
        let entry = export(Program::Todoist, vec![task], ANN, Some("Home")).entries.remove(0);
        let (_, todo) = entry.todo.expect("a todo");
        let value = |key: &str| todo.metadata[key].as_ref().map(|value| value.as_str().to_owned());
        assert_eq!(value("list").as_deref(), Some("\"Home\""));
        assert_eq!(value("todoist:list").as_deref(), Some("\"Garden\""));
    }

    #[test]
    fn a_skipped_task_is_no_parent() {
        let skipped = Task { id: Some("1".to_owned()), ..titled("") };
        let by_id = Task { parent: Some(Parent::Id("1".to_owned())), ..titled("a") };
        let by_index = Task { parent: Some(Parent::Index(0)), ..titled("b") };
        for entry in export(Program::TickTick, vec![skipped, by_id, by_index], ANN, None).entries.split_off(1)
        {
            assert!(!entry.todo.expect("a todo").1.metadata.contains_key("parent"), "{}", entry.title);
        }
    }

    const IMPORTED: &str = "fa4a85c8-e96f-5dcc-be16-43ac1e8f8dd9";

    #[test]
    fn what_metadata_can_not_hold_is_named() {
        let mut task = titled("milk");
        task.tag("home");
        task.tag(&"t".repeat(61));
        task.set("long", "x".repeat(2_000));
        for n in 0..60 {
            task.set(format!("key {n}"), n);
        }
        let entry = one(task);
        let (_, todo) = entry.todo.expect("a todo");
        assert_eq!(todo.metadata.len(), 50);
        assert!(todo.metadata.contains_key("tag:home") && todo.metadata.contains_key("key 48"));
        assert_eq!(entry.changes.len(), 2 + 11, "{:?}", entry.changes);
    }

    #[test]
    fn a_task_without_text_is_skipped_with_the_reason() {
        assert_eq!(one(titled(" ")).todo.map(|_| ()), Err("the title must not be blank".to_owned()));
        let bell = one(titled("a\u{7}b")).todo.map(|_| ());
        assert_eq!(bell, Err("the title must not contain the control character U+0007".to_owned()));
        let long = Task { notes: vec!["x".repeat(10_001)], ..titled("milk") };
        assert!(one(long).todo.is_err_and(|reason| {
            reason.starts_with("the notes: a todo's description must be at most 10000")
        }));
        let untitled = one(Task { notes: vec!["milk\u{b}eggs\n".to_owned()], ..titled("") });
        let (_, todo) = untitled.todo.expect("a todo");
        assert_eq!((todo.title.as_str(), untitled.changes.len()), ("milk", 1));
    }
}
