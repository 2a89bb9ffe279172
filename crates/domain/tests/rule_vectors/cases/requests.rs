//! Several changes in one request, and the actions on single todos.

use domain::todo::{Action, Base, Change, Edit, NewTodo, Strategy, Todo, Upsert};

use super::{Case, case, change, completed, corners, description, key, sync, text, title, whole};
use crate::todos::{self, ID};

pub fn all() -> impl Iterator<Item = Case> {
    [requests(), corners::bases(), actions()].into_iter().flatten()
}

/// What a request is, the todo before it, the version that its changes name, and what they say.
pub(super) type Request = (&'static str, Option<Todo>, i64, Vec<Upsert>);

pub(super) fn state(name: &str) -> Option<Todo> {
    todos::all().into_iter().find(|(state, _)| *state == name).map(|(_, todo)| todo)
}

fn several() -> Vec<Request> {
    let edit = |edit| sync(edit, None);
    let heals = Upsert { healing: true, ..whole("milk", false) };
    vec![
        ("created, then edited", None, 0, vec![edit(text("milk")), edit(text("soy milk"))]),
        ("created with any version, then edited", None, 7, vec![edit(text("milk")), edit(completed(true))]),
        ("edited twice", state("created"), 1, vec![edit(text("soy milk")), edit(text("rice milk"))]),
        (
            "a creation sent again, then edited",
            state("created"),
            0,
            vec![edit(text("milk")), edit(description(Some("two"))), edit(key("due", Some("1")))],
        ),
        (
            "a creation and an edit sent again, then edited",
            state("text changed"),
            0,
            vec![edit(text("milk")), edit(text("oat milk")), edit(text("rice milk"))],
        ),
        (
            "an edit sent again, then edited",
            state("text changed"),
            1,
            vec![edit(text("oat milk")), edit(text("rice milk"))],
        ),
        (
            "an edit sent again, then deleted",
            state("text changed"),
            1,
            vec![edit(text("oat milk")), sync(Edit::default(), Some(true))],
        ),
        (
            "an edit and its deletion sent again",
            state("deleted"),
            1,
            vec![edit(text("soy milk")), sync(Edit::default(), Some(true))],
        ),
        (
            "a stale edit, then another",
            state("text changed"),
            1,
            vec![edit(Edit { completed: Some(true), ..text("soy milk") }), edit(text("rice milk"))],
        ),
        (
            "a change of another field, then a stale one",
            state("text changed"),
            1,
            vec![edit(completed(true)), edit(text("rice milk"))],
        ),
        (
            "a restoration without an edit, then an edit of a value it named",
            state("text changed, then deleted"),
            1,
            vec![sync(text("oat milk"), Some(false)), edit(text("rice milk"))],
        ),
        (
            "a key set again, then removed",
            state("due set"),
            1,
            vec![edit(key("due", Some("\"2026-01-10\""))), edit(key("due", None))],
        ),
        (
            "an edit applied in part, then another value of that part",
            state("text changed"),
            1,
            vec![
                edit(Edit { completed: Some(true), ..text("soy milk") }),
                edit(Edit { completed: Some(false), ..key("due", Some("1")) }),
            ],
        ),
        (
            "a text that is in place, then a key that was removed",
            state("due removed, then list set"),
            1,
            vec![edit(text("milk")), edit(key("due", Some("1")))],
        ),
        (
            "a creation sent again that names a removed key, then that key again",
            state("due removed, then list set"),
            0,
            vec![
                edit(Edit { title: Some(title("milk")), ..key("due", Some("1")) }),
                edit(key("due", Some("1"))),
            ],
        ),
        (
            "a creation sent again that names no key, then a removed key",
            state("due removed, then list set"),
            0,
            vec![edit(text("milk")), edit(key("due", Some("1")))],
        ),
        (
            "a creation sent again, then a description that was set since",
            state("description set, then completed"),
            0,
            vec![edit(text("milk")), edit(description(Some("three")))],
        ),
        ("healed, then edited", None, 0, vec![heals.clone(), edit(text("soy milk"))]),
        ("healing sent again, then edited", state("created"), 0, vec![heals, edit(text("soy milk"))]),
    ]
}

/// Several changes of the todo in one request.
fn requests() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, todo, base, uploads) in several().into_iter().chain(corners::requests()) {
        for strategy in Strategy::ALL {
            let changes = uploads.iter().map(|upload| change(Base::Version(base), upload)).collect();
            cases.push(case(format!("one request: {name}; {strategy}"), todo.as_ref(), strategy, changes));
        }
    }
    cases
}

/// The changes of single todos, which name a version only as a precondition.
fn actions() -> Vec<Case> {
    let mut cases = Vec::new();
    let new = |text: &str| Action::Create(NewTodo::new(title(text)));
    let with_due =
        NewTodo { metadata: key("due", Some("\"2026-01-10\"")).metadata, ..NewTodo::new(title("milk")) };
    let known = todos::all().into_iter().map(|(state, todo)| (state, Some(todo)));
    for (state, todo) in known.chain([("unknown id", None)]) {
        for (sent, action) in [
            ("create with the same text", new("milk")),
            ("create with another text", new("soy milk")),
            ("create with metadata", Action::Create(with_due.clone())),
            ("edit", Action::Edit(text("soy milk"))),
            ("edit a key", Action::Edit(key("due", Some("1")))),
            ("toggle", Action::Toggle),
            ("delete", Action::Delete),
            ("restore", Action::Restore),
        ] {
            let changes = vec![Change::new(ID, Base::Current, action.clone())];
            cases.push(case(format!("{state}; {sent}"), todo.as_ref(), Strategy::Manual, changes));
            if matches!(action, Action::Edit(_) | Action::Delete) {
                let changes = vec![Change::new(ID, Base::Version(1), action)];
                let name = format!("{state}; {sent} if the version is 1");
                cases.push(case(name, todo.as_ref(), Strategy::Manual, changes));
            }
        }
    }
    cases
}
