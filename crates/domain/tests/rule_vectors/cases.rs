//! The cases: every kind of change of every kind of todo, against every kind of base.

use domain::Stamp;
use domain::todo::{
    Action, Base, Change, Description, Edit, MetadataEdit, MetadataKey, MetadataValue, NewTodo, Strategy,
    Title, Todo, Upsert,
};

use crate::todos::{self, ID, NOW, UPDATED, at};

pub struct Case {
    pub name: String,
    pub todo: Option<Todo>,
    pub strategy: Strategy,
    pub now: Stamp,
    /// One after the other, in one request.
    pub changes: Vec<Change>,
}

pub fn all() -> Vec<Case> {
    [stale(), other_bases(), restorations(), creations(), healing(), clocks(), sizes(), requests(), actions()]
        .into_iter()
        .flatten()
        .collect()
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

/// Changes against version 1, each under each strategy.
fn stale() -> Vec<Case> {
    let mut cases = Vec::new();
    for (state, todo) in todos::all().iter().filter(|(_, todo)| todo.version() > 1) {
        for (sent, upload) in uploads() {
            for strategy in Strategy::ALL {
                let name = format!("{state}; {sent} against version 1; {strategy}");
                let changes = vec![change(Base::Version(1), &upload)];
                cases.push(case(name, Some(todo), strategy, changes));
            }
            let older = Upsert { updated_at: Some(at(9)), ..upload };
            let name = format!("{state}; {sent} against version 1, older; last_write_wins");
            let changes = vec![change(Base::Version(1), &older)];
            cases.push(case(name, Some(todo), Strategy::LastWriteWins, changes));
        }
    }
    cases
}

/// Changes against the current version and one between, and some against one that can't be right or
/// none.
fn other_bases() -> Vec<Case> {
    let mut cases = Vec::new();
    // Offset after each round, so that no upload always meets the same strategy.
    let mut strategies = [0, 1, 2, 3, 1, 2, 3, 0, 2].map(|n| Strategy::ALL[n]).into_iter().cycle();
    for ((state, todo), first) in todos::all().into_iter().zip(0..) {
        let current = todo.version();
        let mut bases = vec![
            ("the current version", Base::Version(current), 2),
            ("a version ahead", Base::Version(current + 1), 4),
            ("version 0", Base::Version(0), 4),
            ("no version", Base::Unknown, 4),
        ];
        if current > 2 {
            bases.push(("version 2", Base::Version(2), 1));
        }
        for (against, base, step) in bases {
            for (sent, upload) in uploads().into_iter().skip(first % step).step_by(step) {
                let strategy = strategies.next().expect("endless");
                let name = format!("{state}; {sent} against {against}; {strategy}");
                cases.push(case(name, Some(&todo), strategy, vec![change(base, &upload)]));
            }
        }
    }
    cases
}

/// Restorations of tombstones that lost their texts, under each strategy.
fn restorations() -> Vec<Case> {
    let mut cases = Vec::new();
    for (state, todo) in todos::all().iter().filter(|(_, todo)| todo.is_shrunk()) {
        for (sent, upload) in uploads().into_iter().filter(|(_, upload)| upload.deleted == Some(false)) {
            for strategy in Strategy::ALL {
                let name = format!("{state}; {sent} by a device that knows of it; {strategy}");
                let changes = vec![change(Base::Version(todo.version()), &upload)];
                cases.push(case(name, Some(todo), strategy, changes));
            }
        }
    }
    cases
}

/// Changes of an id that the server does not know.
fn creations() -> Vec<Case> {
    let mut cases = Vec::new();
    let complete = Edit { completed: Some(true), ..text("milk") };
    let with_instants = |created_at, completed_at| Upsert {
        created_at: Some(created_at),
        completed_at: Some(completed_at),
        ..sync(complete.clone(), None)
    };
    let mut sent = uploads();
    sent.extend([
        ("description and text", sync(Edit { title: Some(title("milk")), ..description(Some("")) }, None)),
        ("instants of the past", with_instants(at(1), at(2))),
        ("instants of the future", with_instants(at(13), at(14))),
        ("completed_at without completed", Upsert { completed_at: Some(at(2)), ..sync(text("milk"), None) }),
        ("no updated_at", Upsert { updated_at: None, ..sync(text("milk"), None) }),
    ]);
    for (sent, upload) in sent {
        for strategy in [Strategy::Manual, Strategy::LastWriteWins] {
            let name = format!("unknown id; {sent}; {strategy}");
            cases.push(case(name, None, strategy, vec![change(Base::Unknown, &upload)]));
        }
    }
    for version in [-3, 0, 7] {
        let name = format!("unknown id; text against version {version}; merge");
        cases.push(case(
            name,
            None,
            Strategy::Merge,
            vec![change(Base::Version(version), &sync(text("milk"), None))],
        ));
    }
    cases
}

fn healing() -> Vec<Case> {
    let heals = |upsert: Upsert| Upsert { healing: true, updated_at: None, ..upsert };
    let mut strategies = [0, 1, 2, 3, 1, 2, 3, 0].map(|n| Strategy::ALL[n]).into_iter().cycle();
    let mut cases = Vec::new();
    let known = todos::all().into_iter().map(|(state, todo)| (state, Some(todo)));
    for (state, todo) in known.chain([("unknown id", None)]) {
        for (sent, upload) in [
            ("the whole todo", whole("milk", false)),
            ("the whole todo, with other values", whole("soy milk", false)),
            ("its tombstone", whole("milk", true)),
            ("no text", sync(completed(true), Some(false))),
        ] {
            let strategy = strategies.next().expect("endless");
            let name = format!("{state}; {sent}, healing; {strategy}");
            cases.push(case(name, todo.as_ref(), strategy, vec![change(Base::Version(0), &heals(upload))]));
        }
    }
    cases
}

/// The clocks of devices and of the server.
fn clocks() -> Vec<Case> {
    let [_, (_, todo), ..] = &todos::all()[..] else { return Vec::new() };
    let lww = |name: &str, updated_at, now| Case {
        now,
        ..case(
            format!("text changed; text against version 1, {name}; last_write_wins"),
            Some(todo),
            Strategy::LastWriteWins,
            vec![change(Base::Version(1), &Upsert { updated_at, ..sync(text("soy milk"), None) })],
        )
    };
    let behind = Case {
        now: at(7),
        ..case(
            "created; text against the current version, the server's clock behind; manual".to_owned(),
            Some(&todos::all()[0].1),
            Strategy::Manual,
            vec![change(Base::Version(1), &sync(text("soy milk"), None))],
        )
    };
    let older = |strategy| {
        let sent = Upsert { updated_at: Some(at(9)), ..sync(completed(true), None) };
        let name = format!("text changed; completed against version 1, older; {strategy}");
        case(name, Some(todo), strategy, vec![change(Base::Version(1), &sent)])
    };
    vec![
        older(Strategy::Merge),
        older(Strategy::ClientWins),
        lww("without updated_at", None, NOW),
        lww("at the same instant", Some(UPDATED), NOW),
        lww("one microsecond later", Some(UPDATED.next()), NOW),
        lww("by a clock ahead of the server's", Some(at(23)), NOW),
        lww("by a clock ahead of a server that is behind", Some(at(23)), at(7)),
        behind,
    ]
}

/// A JSON string of this length, quotes included.
fn quoted(length: usize) -> String {
    format!("\"{}\"", "a".repeat(length - 2))
}

/// The limits of metadata.
fn sizes() -> Vec<Case> {
    let fifty = todos::full_of_metadata(50, "1");
    let bytes = todos::full_of_metadata(8, &quoted(1022));
    let long = quoted(2000);
    let manual = |name: &str, todo: Option<&Todo>, edit| {
        let base = todo.map_or(Base::Unknown, |todo| Base::Version(todo.version()));
        case(format!("{name}; manual"), todo, Strategy::Manual, vec![change(base, &sync(edit, None))])
    };
    let with = |values: usize| {
        let key = |n: usize| MetadataKey::parse(&n.to_string()).expect("a key");
        let value = Some(MetadataValue::from_canonical(&long).expect("a value"));
        Edit { metadata: (0..values).map(|n| (key(n), value.clone())).collect(), ..text("milk") }
    };
    vec![
        manual("50 keys; one more", Some(&fifty), key("due", Some("1"))),
        manual("50 keys; one of them again", Some(&fifty), key("07", Some("2"))),
        manual("50 keys; one of them removed", Some(&fifty), key("07", None)),
        manual("8,192 bytes; one byte more", Some(&bytes), key("07", Some(&quoted(1023)))),
        manual(
            "8,192 bytes; another value as long",
            Some(&bytes),
            key("07", Some(&quoted(1022).replace('a', "b"))),
        ),
        manual("8,192 bytes; one byte less", Some(&bytes), key("07", Some(&quoted(1021)))),
        manual("unknown id; 8,004 bytes", None, with(4)),
        manual("unknown id; 10,005 bytes", None, with(5)),
    ]
}

/// Several changes of the todo in one request.
fn requests() -> Vec<Case> {
    let states = todos::all();
    let state = |name: &str| states.iter().find(|(state, _)| *state == name).map(|(_, todo)| todo);
    let edit = |edit| sync(edit, None);
    let heals = Upsert { healing: true, ..whole("milk", false) };
    let sent: Vec<(&str, Option<&Todo>, i64, Vec<Upsert>)> = vec![
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
            "a creation sent again, then a description that was set since",
            state("description set, then completed"),
            0,
            vec![edit(text("milk")), edit(description(Some("three")))],
        ),
        ("healed, then edited", None, 0, vec![heals.clone(), edit(text("soy milk"))]),
        ("healing sent again, then edited", state("created"), 0, vec![heals, edit(text("soy milk"))]),
    ];
    let mut cases = Vec::new();
    for (name, todo, base, uploads) in sent {
        for strategy in Strategy::ALL {
            let changes = uploads.iter().map(|upload| change(Base::Version(base), upload)).collect();
            cases.push(case(format!("one request: {name}; {strategy}"), todo, strategy, changes));
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
