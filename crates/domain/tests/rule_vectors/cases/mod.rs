//! The cases: every kind of change of every kind of todo, against every kind of base.

mod corners;
mod requests;
mod single;

use domain::Stamp;
use domain::todo::{
    Action, Base, Change, Description, Edit, MetadataEdit, MetadataKey, MetadataValue, Strategy, Title, Todo,
    Upsert,
};

use crate::todos::{ID, NOW, at};

pub struct Case {
    pub name: String,
    pub todo: Option<Todo>,
    pub strategy: Strategy,
    pub now: Stamp,
    /// One after the other, in one request.
    pub changes: Vec<Change>,
}

pub fn all() -> Vec<Case> {
    single::all().chain(requests::all()).collect()
}

fn title(text: &str) -> Title {
    Title::parse(text).expect("a title")
}

fn text(text: &str) -> Edit {
    Edit { title: Some(title(text)), ..Edit::default() }
}

fn description(text: Option<&str>) -> Edit {
    let parse = |text| Description::parse(text).expect("a description");
    Edit { description: Some(text.map(parse)), ..Edit::default() }
}

fn completed(completed: bool) -> Edit {
    Edit { completed: Some(completed), ..Edit::default() }
}

fn key(name: &str, value: Option<&str>) -> Edit {
    let key = MetadataKey::parse(name).expect("a key");
    let value = value.map(|value| MetadataValue::from_canonical(value).expect("a value"));
    Edit { metadata: MetadataEdit::from([(key, value)]), ..Edit::default() }
}

fn sync(edit: Edit, deleted: Option<bool>) -> Upsert {
    Upsert { edit, deleted, updated_at: Some(at(11)), ..Upsert::default() }
}

/// What a device sends that always sends whole todos.
fn whole(name: &str, deleted: bool) -> Upsert {
    sync(Edit { description: Some(None), completed: Some(false), ..text(name) }, Some(deleted))
}

fn change(base: Base, upsert: &Upsert) -> Change {
    Change::new(ID, base, Action::Upsert(upsert.clone()))
}

fn case(name: String, todo: Option<&Todo>, strategy: Strategy, changes: Vec<Change>) -> Case {
    Case { name, todo: todo.cloned(), strategy, now: NOW, changes }
}

/// What a device may send for a todo that it holds.
fn uploads() -> Vec<(&'static str, Upsert)> {
    let edit = |edit| sync(edit, None);
    vec![
        ("nothing", edit(Edit::default())),
        ("text", edit(text("soy milk"))),
        ("the text it had", edit(text("milk"))),
        ("text and completed", edit(Edit { completed: Some(true), ..text("soy milk") })),
        ("completed", edit(completed(true))),
        ("description", edit(description(Some("three")))),
        ("no description", edit(description(None))),
        ("due", edit(key("due", Some("\"2026-01-11\"")))),
        ("no due", edit(key("due", None))),
        (
            "another key and a text",
            edit(Edit { title: Some(title("soy milk")), ..key("tag:a", Some("true")) }),
        ),
        ("deletion", sync(Edit::default(), Some(true))),
        ("deletion and text", sync(text("soy milk"), Some(true))),
        ("restoration", sync(Edit::default(), Some(false))),
        ("restoration and completed", sync(completed(true), Some(false))),
        ("the whole todo as it was", whole("milk", false)),
        ("the whole todo, edited", whole("soy milk", false)),
    ]
}
