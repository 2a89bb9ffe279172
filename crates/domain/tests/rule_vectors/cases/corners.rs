//! Requests that need one line of the rule each, which no other case reaches.

use domain::todo::{Action, Base, Change, Edit, NewTodo, Strategy};

use super::requests::{Request, state};
use super::{Case, case, change, completed, description, key, sync, text, title, whole};
use crate::todos::{self, ID};

/// What a repeated creation shows, and what is applied in part or rejected.
pub fn requests() -> Vec<Request> {
    let edit = |edit| sync(edit, None);
    vec![
        (
            "a creation with another text, then another field",
            state("text changed"),
            0,
            vec![edit(text("soy milk")), edit(completed(true))],
        ),
        (
            "a value in place against version 0, then another field",
            state("created"),
            0,
            vec![edit(completed(false)), edit(text("soy milk"))],
        ),
        (
            "a value in place against version 0, then a key",
            state("created"),
            0,
            vec![edit(completed(false)), edit(key("due", Some("1")))],
        ),
        (
            "a creation with any version sent again, then edited",
            state("created"),
            7,
            vec![edit(text("milk")), edit(description(Some("two")))],
        ),
        (
            "a creation with any version sent again that names a removed key, then edited",
            state("due removed, then list set"),
            7,
            vec![
                edit(Edit { title: Some(title("milk")), ..key("due", Some("1")) }),
                edit(description(Some("two"))),
            ],
        ),
        (
            "a creation sent again, then edited, where removed keys are forgotten",
            Some(todos::with_forgotten_keys()),
            0,
            vec![edit(text("milk")), edit(text("soy milk"))],
        ),
        (
            "a restoration with a text that was set since",
            state("deleted, then text changed"),
            2,
            vec![whole("soy milk", false)],
        ),
        (
            "a restoration without a text, of a shrunk tombstone that was completed since",
            state("deleted, completed and shrunk"),
            2,
            vec![sync(Edit { completed: Some(false), ..description(Some("three")) }, Some(false))],
        ),
        (
            "a creation without a text, then with one",
            None,
            0,
            vec![edit(completed(true)), edit(text("milk"))],
        ),
        (
            "a creation without a text, then a deletion",
            None,
            0,
            vec![edit(completed(true)), sync(Edit::default(), Some(true))],
        ),
        (
            "a restoration without a text, then edits that were applied before",
            state("deleted and shrunk"),
            2,
            vec![sync(Edit::default(), Some(false)), edit(completed(true)), sync(text("milk"), Some(true))],
        ),
    ]
}

/// Several changes in one request that name different versions, or none.
pub fn bases() -> Vec<Case> {
    let edit = |base, edit| change(base, &sync(edit, None));
    let action = |base, edit| Change::new(ID, base, Action::Edit(edit));
    let any = Base::Version(7);
    let of_creation = |base| vec![edit(any, text("milk")), edit(base, completed(true))];
    let several = [
        ("created, then edited against no version", None, of_creation(Base::Unknown)),
        ("created, then edited against version 0", None, of_creation(Base::Version(0))),
        ("created, then edited against the new version", None, of_creation(Base::Version(1))),
        ("created, then edited against a version ahead", None, of_creation(Base::Version(2))),
        (
            "edited, then edited against a version ahead",
            state("created"),
            vec![edit(Base::Version(1), text("soy milk")), edit(Base::Version(3), completed(true))],
        ),
        (
            "edited without a check, then against an older version",
            state("text changed"),
            vec![action(Base::Current, text("rice milk")), action(Base::Version(1), completed(true))],
        ),
        (
            "edited without a check, then twice against an older version",
            state("description set, then completed"),
            vec![
                action(Base::Current, text("rice milk")),
                action(Base::Version(1), text("soy milk")),
                action(Base::Version(2), description(Some("three"))),
            ],
        ),
        (
            "created, then created again with another text",
            None,
            vec![
                Change::new(ID, Base::Current, Action::Create(NewTodo::new(title("milk")))),
                Change::new(ID, Base::Current, Action::Create(NewTodo::new(title("soy milk")))),
            ],
        ),
    ];
    let mut cases = Vec::new();
    for (name, todo, changes) in several {
        for strategy in [Strategy::Manual, Strategy::Merge] {
            let name = format!("one request: {name}; {strategy}");
            cases.push(case(name, todo.as_ref(), strategy, changes.clone()));
        }
    }
    cases
}
