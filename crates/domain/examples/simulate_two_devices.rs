//! Two devices work offline, sync in turns, and end up with the same todos.
//!
//! The server is a map and [`Plan::decide`], which is all that a store adds a database to. A device
//! keeps the todos that it knows, the changes that it has not sent, and a cursor. Run it with
//! `cargo run -p domain --example simulate_two_devices`.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use domain::sync::{Cursor, Epochs};
use domain::todo::plan::{Decision, Plan, UserState};
use domain::todo::{
    Action, Base, Batch, Change, Edit, Outcome, StorageLimits, Strategy, Todo, TodoNumber, Upsert, UserRow,
};
use domain::{Stamp, StoreError, TodoId};
use uuid::Uuid;

type Todos = BTreeMap<TodoId, Todo>;

/// One user's todos.
struct Server {
    row: UserRow,
    epochs: Arc<Epochs>,
    todos: Todos,
    next_number: i64,
}

impl Server {
    fn new() -> Result<Self, StoreError> {
        let epochs = Arc::new(Epochs::new([(1, "first".to_owned())])?);
        Ok(Self { row: UserRow::new(Stamp::EPOCH, 1), epochs, todos: Todos::new(), next_number: 1 })
    }

    /// Decides the changes, writes the plan, and returns the outcomes, the todos that changed after
    /// `cursor`, and the new cursor.
    fn sync(
        &mut self,
        cursor: &Cursor,
        changes: Vec<Change>,
        now: Stamp,
    ) -> Result<(Vec<Outcome>, Vec<Todo>, Cursor), StoreError> {
        let batch = Batch {
            changes,
            strategy: Strategy::Merge,
            cursor: Some(cursor.clone()),
            limits: StorageLimits::default(),
        };
        let numbers = (self.next_number..).take(batch.possible_creations()).map(TodoNumber).collect();
        let todos = self.todos.values().cloned();
        let mut state = UserState::new(self.row.clone(), Arc::clone(&self.epochs), todos, numbers, vec![]);
        let plan = Plan::decide(&mut state, &batch, now)?;
        for written in plan.written() {
            self.todos.insert(written.todo.id(), Todo::clone(&written.todo));
            self.next_number += i64::from(written.is_new);
        }
        if let Some(row) = plan.user_row() {
            self.row = row.clone();
        }
        let (Decision::Decided(decided), _events) = plan.into_parts() else {
            return Ok((Vec::new(), Vec::new(), Cursor::default()));
        };
        let newer = self.todos.values().filter(|todo| Some(todo.updated_at()) > cursor.stamp()).cloned();
        Ok((decided.outcomes, newer.collect(), Cursor::at(Some(self.row.clock))))
    }
}

struct Device {
    name: &'static str,
    todos: Todos,
    unsent: Vec<Change>,
    cursor: Cursor,
}

impl Device {
    fn new(name: &'static str) -> Self {
        Self { name, todos: Todos::new(), unsent: Vec::new(), cursor: Cursor::default() }
    }

    /// The user changes a todo. The change names the version that the device holds, 0 for a todo
    /// that it creates.
    fn change(&mut self, id: TodoId, edit: Edit, deleted: Option<bool>) {
        let base = Base::Version(self.todos.get(&id).map_or(0, Todo::version));
        let upsert = Upsert { edit, deleted, ..Upsert::default() };
        self.unsent.push(Change::new(id, base, Action::Upsert(upsert)));
    }

    /// Sends what it changed, takes what it gets, keeps the cursor.
    fn sync(&mut self, server: &mut Server, now: Stamp) -> Result<(), StoreError> {
        let (outcomes, changed, cursor) = server.sync(&self.cursor, std::mem::take(&mut self.unsent), now)?;
        for outcome in outcomes {
            if let Outcome::Conflict(conflict) = outcome {
                println!("{}: conflict in {:?}, the server's todo stays", self.name, conflict.fields);
            }
        }
        self.todos.extend(changed.into_iter().map(|todo| (todo.id(), todo)));
        self.cursor = cursor;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (milk, bread) = (TodoId(Uuid::from_u128(1)), TodoId(Uuid::from_u128(2)));
    let titled = |title: &str| title.parse().map(|title| Edit { title: Some(title), ..Edit::default() });
    let completed = || Edit { completed: Some(true), ..Edit::default() };
    let mut clock: Stamp = "2026-01-09T10:00:00Z".parse()?;
    let mut server = Server::new()?;
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));

    phone.change(milk, titled("Buy milk")?, None);
    phone.change(bread, titled("Buy bread")?, None);
    for device in [&mut phone, &mut laptop] {
        device.sync(&mut server, clock)?;
    }

    // Both go offline. They change different fields of one todo, and contradict each other about
    // the other one.
    phone.change(milk, titled("Buy oat milk")?, None);
    laptop.change(milk, completed(), None);
    phone.change(bread, titled("Buy rye bread")?, None);
    laptop.change(bread, Edit::default(), Some(true));

    // Each device syncs twice: the second time it learns what the other one did.
    for _ in 0..2 {
        for device in [&mut phone, &mut laptop] {
            clock = clock.next();
            device.sync(&mut server, clock)?;
        }
    }

    for todo in server.todos.values() {
        let state = if todo.completed() { "completed" } else { "active" };
        println!("{:?} is {state}, version {}", todo.title().as_str(), todo.version());
    }
    assert_eq!(phone.todos, server.todos);
    assert_eq!(laptop.todos, server.todos);
    Ok(())
}

#[test]
fn the_devices_agree() {
    main().expect("no error");
}
