//! Two devices change one todo, each without knowledge of the other, and each strategy decides in
//! its way.
//!
//! Run it with `cargo run -p domain --example resolve_a_conflict`.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::sync::Arc;

use domain::todo::{
    Action, Base, Change, Edit, NewTodo, Outcome, ResolveContext, Strategy, Todo, Upsert, resolve,
};
use domain::{Stamp, TodoId};

fn main() -> Result<(), Box<dyn Error>> {
    let id: TodoId = "550e8400-e29b-41d4-a716-446655440000".parse()?;

    // The phone creates a todo: version 1.
    let milk = NewTodo::new("Buy milk".parse()?);
    let create = Change::new(id, Base::Current, Action::Create(milk));
    let todo = accepted(resolve(None, &create, &at("2026-01-09T09:00:00Z")?))?;

    // The laptop changes its title: version 2.
    let retitle = Edit { title: Some("Buy oat milk".parse()?), ..Edit::default() };
    let retitle = Change::new(id, Base::Version(1), Action::Edit(retitle));
    let todo = accepted(resolve(Some(&todo), &retitle, &at("2026-01-09T10:00:00Z")?))?;

    // The phone was offline. It completed the todo at 10:30, on top of version 1, and sends that at
    // 11:00.
    let complete = Upsert {
        edit: Edit { completed: Some(true), ..Edit::default() },
        updated_at: Some("2026-01-09T10:30:00Z".parse()?),
        ..Upsert::default()
    };
    let complete = Change::new(id, Base::Version(1), Action::Upsert(complete));
    let stamp: Stamp = "2026-01-09T11:00:00Z".parse()?;
    for strategy in Strategy::ALL {
        let outcome = resolve(Some(&todo), &complete, &ResolveContext::new(strategy, stamp));
        println!("{strategy}: {}", describe(&outcome));
    }
    Ok(())
}

/// The context of a change that meets no conflict.
fn at(stamp: &str) -> Result<ResolveContext<'static>, domain::time::InvalidStamp> {
    Ok(ResolveContext::new(Strategy::Manual, stamp.parse()?))
}

fn accepted(outcome: Outcome) -> Result<Arc<Todo>, String> {
    match outcome {
        Outcome::Applied { todo, .. } => Ok(todo),
        other => Err(describe(&other)),
    }
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied { todo, .. } => {
            let state = if todo.completed() { "completed" } else { "active" };
            format!("applied: {:?} is {state}, version {}", todo.title().as_str(), todo.version())
        }
        Outcome::Conflict(conflict) => {
            format!(
                "conflict in {:?}; the server has {:?}",
                conflict.fields,
                conflict.current.title().as_str()
            )
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn the_example_runs() {
    main().expect("no error");
}
