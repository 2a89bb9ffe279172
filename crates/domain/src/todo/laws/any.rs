//! Generates arbitrary lists and changes, from so few values that they collide.

use proptest::prelude::*;
use proptest::sample::select;

use super::{KEYS, List, at, id, key, title};
use crate::text::ClientId;
use crate::time::Stamp;
use crate::todo::{
    Action, Base, Batch, Change, Description, Edit, Metadata, MetadataEdit, MetadataKey, MetadataValue,
    NewTodo, StorageLimits, StoredTodo, Strategy as Rule, Title, Todo, Upsert, Versions,
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

fn a_key() -> impl Strategy<Value = MetadataKey> {
    select(KEYS.to_vec()).prop_map(key)
}

fn a_value() -> impl Strategy<Value = MetadataValue> {
    select(vec!["1", "\"a\""]).prop_map(|text| MetadataValue::from_canonical(text).expect("a value"))
}

fn a_metadata_edit() -> impl Strategy<Value = MetadataEdit> {
    prop_oneof![
        1 => Just(MetadataEdit::new()),
        1 => prop::collection::btree_map(a_key(), prop::option::of(a_value()), 1..=2),
    ]
}

/// The stored metadata of a todo that was changed at versions up to 5, and the highest of them.
fn stored_metadata() -> impl Strategy<Value = ([Option<String>; 2], i64)> {
    let entries = prop::collection::btree_map(a_key(), (prop::option::of(a_value()), 1..=5i64), 0..=2);
    let floor = prop::option::weighted(0.2, 1..=5i64);
    let some = (entries, floor).prop_map(|(entries, floor)| {
        let (mut values, mut versions) = (String::new(), String::new());
        if let Some(floor) = floor {
            versions.extend(["\t", &floor.to_string(), "\n"]);
        }
        for (key, (value, version)) in &entries {
            versions.extend([key.as_str(), "\t", &version.to_string(), "\n"]);
            if let Some(value) = value {
                values.extend([key.as_str(), "\t", value.as_str(), "\n"]);
            }
        }
        let highest = entries.values().map(|(_, version)| *version).chain(floor).max();
        ([values, versions].map(|column| Some(column).filter(|column| !column.is_empty())), highest)
    });
    prop_oneof![1 => Just(([None, None], None)), 1 => some]
        .prop_map(|(columns, highest)| (columns, highest.unwrap_or(1)))
}

/// The todo `id(n)` with a stamp between `at(10 * n)` and `at(10 * n + 9)`, in any state that
/// accepted changes can leave.
pub fn todo(n: u8) -> impl Strategy<Value = Todo> {
    let versions = (1..=5i64, 1..=5i64, 1..=5i64, 1..=5i64);
    let values = (a_title(), a_description(), any::<(bool, bool)>(), stored_metadata());
    (values, versions, 0..10i64, a_device()).prop_map(
        move |((title, description, (completed, deleted), metadata), (t, d, c, x), micros, device)| {
            let stamp = at(10 * i64::from(n) + micros);
            let ([metadata, metadata_versions], of_metadata) = metadata;
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
                    version: t.max(d).max(c).max(x).max(of_metadata),
                    title: t,
                    description: d,
                    completed: c,
                    deleted: x,
                },
                metadata,
                metadata_versions,
            })
            .expect("a valid row")
        },
    )
}

/// What is left of `todo` once it is a tombstone and has shrunk.
pub fn shrunk_from(todo: Todo) -> Todo {
    Todo {
        title: None,
        description: None,
        deleted_at: Some(todo.updated_at()),
        metadata: Metadata::default(),
        ..todo
    }
}

/// A shrunk tombstone.
pub fn shrunk(n: u8) -> impl Strategy<Value = Todo> {
    todo(n).prop_map(shrunk_from)
}

/// A todo in any state in which a store may have it.
pub fn stored(n: u8) -> impl Strategy<Value = Todo> {
    prop_oneof![4 => todo(n), 1 => shrunk(n)]
}

/// Any of the todos 1 to 3, under a clock of `at(50)`.
pub fn list() -> impl Strategy<Value = List> {
    (prop::option::of(stored(1)), prop::option::of(stored(2)), prop::option::of(stored(3)))
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
    let title = prop::option::of(a_title());
    (title, prop::option::of(a_description()), any::<Option<bool>>(), a_metadata_edit()).prop_map(
        |(title, description, completed, metadata)| Edit { title, description, completed, metadata },
    )
}

/// What a device sends that edits, deletes, restores or creates a todo. It does not heal.
pub fn upsert() -> impl Strategy<Value = Upsert> {
    let deleted = prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let updated_at = prop::option::weighted(0.9, device_time());
    let instants = (prop::option::of(device_time()), prop::option::of(device_time()));
    (edit(), deleted, instants, updated_at).prop_map(
        |(edit, deleted, (created_at, completed_at), updated_at)| Upsert {
            edit,
            deleted,
            created_at,
            completed_at,
            updated_at,
            ..Upsert::default()
        },
    )
}

/// What a device sends to give back a todo that the server lost.
pub fn healing() -> impl Strategy<Value = Upsert> {
    upsert().prop_map(|upsert| Upsert { healing: true, updated_at: None, ..upsert })
}

fn new_todo() -> impl Strategy<Value = NewTodo> {
    let instants = (prop::option::of(device_time()), prop::option::of(device_time()));
    (a_title(), a_description(), any::<bool>(), a_metadata_edit(), instants).prop_map(
        |(title, description, completed, metadata, (created_at, completed_at))| NewTodo {
            title,
            description,
            completed,
            metadata,
            created_at,
            completed_at,
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
        1 => healing().prop_map(Action::Upsert),
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
    (changes, rule(), 0..6u32).prop_map(|(changes, strategy, quota)| Batch {
        changes,
        strategy,
        cursor: None,
        limits: StorageLimits { live: quota, ..StorageLimits::default() },
    })
}
