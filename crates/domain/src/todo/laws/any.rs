//! Generates arbitrary lists and changes, from so few values that they collide.

use proptest::prelude::*;
use proptest::sample::select;

use super::{List, at, id, title};
use crate::text::ClientId;
use crate::time::Stamp;
use crate::todo::{
    Action, Base, Batch, Change, Description, Edit, NewTodo, StorageLimits, StoredTodo, Strategy as Rule,
    Title, Todo, Upsert, Versions,
};

pub fn rule() -> impl Strategy<Value = Rule> {
    select(vec![Rule::Manual, Rule::Merge, Rule::LastWriteWins, Rule::ClientWins])
}

fn a_title() -> impl Strategy<Value = Title> {
    select(vec!["bread", "milk", "salt"]).prop_map(title)
}

fn a_description() -> impl Strategy<Value = Option<Description>> {
    let parse = |text| Description::parse(text).expect("a description");
    prop::option::of(select(vec!["", "two"]).prop_map(parse))
}

fn a_device() -> impl Strategy<Value = Option<ClientId>> {
    prop::option::of(select(vec!["phone", "laptop"]).prop_map(|name| ClientId::parse(name).expect("a name")))
}

/// The todo `id(n)` with a stamp between `at(10 * n)` and `at(10 * n + 9)`, in any state that
/// accepted changes can leave.
pub fn todo(n: u8) -> impl Strategy<Value = Todo> {
    let versions = (1..=5i64, 1..=5i64, 1..=5i64, 1..=5i64);
    (a_title(), a_description(), any::<(bool, bool)>(), versions, 0..10i64, a_device()).prop_map(
        move |(title, description, (completed, deleted), (t, d, c, x), micros, device)| {
            let stamp = at(10 * i64::from(n) + micros);
            Todo::from_stored(StoredTodo {
                id: id(n.into()),
                number: n.into(),
                title: Some(title.into()),
                description: description.map(Into::into),
                completed_at: completed.then_some(stamp),
                created_at: at(5),
                updated_at: stamp,
                deleted_at: deleted.then_some(stamp),
                client_id: device.map(Into::into),
                versions: Versions {
                    version: t.max(d).max(c).max(x),
                    title: t,
                    description: d,
                    completed: c,
                    deleted: x,
                },
                metadata: None,
                metadata_versions: None,
            })
            .expect("a valid row")
        },
    )
}

/// Any of the todos 1 to 3, under a clock of `at(50)`.
pub fn list() -> impl Strategy<Value = List> {
    (prop::option::of(todo(1)), prop::option::of(todo(2)), prop::option::of(todo(3)))
        .prop_map(|(a, b, c)| List::new(at(50), [a, b, c].into_iter().flatten()))
}

/// An instant of the server's clock, behind or ahead of the list's.
pub fn now() -> impl Strategy<Value = Stamp> {
    (0..100i64).prop_map(at)
}

/// An instant of a device's clock.
pub fn device_time() -> impl Strategy<Value = Stamp> {
    (0..130i64).prop_map(at)
}

pub fn base() -> impl Strategy<Value = Base> {
    prop_oneof![1 => Just(Base::Current), 1 => Just(Base::Unknown), 8 => (-1..=8i64).prop_map(Base::Version)]
}

pub fn edit() -> impl Strategy<Value = Edit> {
    (prop::option::of(a_title()), prop::option::of(a_description()), any::<Option<bool>>())
        .prop_map(|(title, description, completed)| Edit { title, description, completed, ..Edit::default() })
}

pub fn upsert() -> impl Strategy<Value = Upsert> {
    let deleted = prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let updated_at = prop::option::weighted(0.9, device_time());
    (edit(), deleted, prop::option::of(device_time()), updated_at).prop_map(
        |(edit, deleted, created_at, updated_at)| Upsert {
            edit,
            deleted,
            created_at,
            updated_at,
            ..Upsert::default()
        },
    )
}

fn new_todo() -> impl Strategy<Value = NewTodo> {
    (a_title(), a_description(), any::<bool>(), prop::option::of(device_time())).prop_map(
        |(title, description, completed, created_at)| NewTodo {
            description,
            completed,
            created_at,
            ..NewTodo::new(title)
        },
    )
}

/// Any action that states a result, so that repeating it changes nothing.
pub fn repeatable() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => new_todo().prop_map(Action::Create),
        2 => edit().prop_map(Action::Edit),
        1 => Just(Action::Delete),
        1 => Just(Action::Restore),
        6 => upsert().prop_map(Action::Upsert),
    ]
}

pub fn action() -> impl Strategy<Value = Action> {
    prop_oneof![9 => repeatable(), 1 => Just(Action::Toggle)]
}

/// A change of one of the todos 1 to 3.
pub fn change_by(action: impl Strategy<Value = Action>) -> impl Strategy<Value = Change> {
    (1..=3u128, base(), action, a_device()).prop_map(|(n, base, action, client_id)| Change {
        id: id(n),
        base,
        action,
        client_id,
    })
}

/// Up to six changes, under a quota that is often reached.
pub fn batch() -> impl Strategy<Value = Batch> {
    let changes = prop::collection::vec(change_by(action()), 0..7);
    (changes, rule(), any::<bool>(), 0..6u32).prop_map(|(changes, strategy, all_or_nothing, quota)| Batch {
        changes,
        strategy,
        all_or_nothing,
        cursor: None,
        limits: StorageLimits { live: quota, ..StorageLimits::default() },
    })
}
