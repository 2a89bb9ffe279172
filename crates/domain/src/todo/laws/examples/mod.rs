//! The conflict rule as tables. Each row is one situation: how the todo "milk" changed since
//! version 1, what this device sends against which base, and the outcome under each strategy.

mod requests;

use super::{List, at, batch, change, differing, id, key, titled, upsert};
use crate::time::Stamp;
use crate::todo::{
    Action, Base, Description, Edit, Field, MetadataEdit, MetadataValue, Outcome, Strategy, Todo, Upsert,
};

/// Microseconds: when the todo was created, when another device began to change it, an instant
/// after that, and the server's time.
const CREATED: i64 = 60;
const THEIRS: i64 = 100;
const LATER: i64 = 110;
const NOW: i64 = 200;

fn text(text: &str) -> Upsert {
    upsert(titled(text), None)
}

fn notes(text: &str) -> Upsert {
    let description = Description::parse(text).expect("a description");
    upsert(Edit { description: Some(Some(description)), ..Edit::default() }, None)
}

fn with_due(value: Option<&str>) -> Upsert {
    let value = value.map(|value| MetadataValue::from_canonical(value).expect("a value"));
    let metadata = MetadataEdit::from([(key("due"), value)]);
    upsert(Edit { metadata, ..Edit::default() }, None)
}

fn with_list() -> Upsert {
    let value = MetadataValue::from_canonical("1").expect("a value");
    let metadata = MetadataEdit::from([(key("list"), Some(value))]);
    upsert(Edit { metadata, ..Edit::default() }, None)
}

fn done() -> Upsert {
    upsert(Edit { completed: Some(true), ..Edit::default() }, None)
}

fn delete() -> Upsert {
    upsert(Edit::default(), Some(true))
}

/// The upsert of a device that always sends whole todos.
fn whole(text: &str) -> Upsert {
    let edit = Edit { description: Some(None), completed: Some(false), ..titled(text) };
    upsert(edit, Some(false))
}

fn and_text(mut upsert: Upsert, text: &str) -> Upsert {
    upsert.edit.title = titled(text).title;
    upsert
}

fn describe(before: &Todo, outcome: &Outcome) -> String {
    let names = |fields: &[Field]| {
        let name = |field: &Field| match field {
            Field::Metadata(key) => key.to_string(),
            own => format!("{own:?}").to_lowercase(),
        };
        fields.iter().map(name).collect::<Vec<_>>().join("+")
    };
    match outcome {
        Outcome::Applied { todo, .. } => {
            let grave = if todo.deleted() { ", a tombstone" } else { "" };
            format!("{}{grave}", names(&differing(before, todo)))
        }
        Outcome::Unchanged { .. } => "in place".into(),
        Outcome::Conflict(conflict) if conflict.server_wins => {
            format!("conflict: {}, server's", names(&conflict.fields))
        }
        Outcome::Conflict(conflict) => format!("conflict: {}", names(&conflict.fields)),
        other => format!("{other:?}"),
    }
}

/// The outcome of `ours` under `strategy`, sent after `theirs`, with the device's clock at
/// `edited`.
fn outcome(theirs: &[Upsert], base: Base, ours: &Upsert, strategy: Strategy, edited: Stamp) -> String {
    let mut list = List::new(at(50), []);
    let new = change(id(1), Base::Unknown, Action::Upsert(text("milk")));
    list.one(Strategy::Manual, new, at(CREATED));
    for (upsert, now) in theirs.iter().zip(THEIRS..) {
        list.one(Strategy::Manual, change(id(1), Base::Current, Action::Upsert(upsert.clone())), at(now));
    }
    let before = list.todos[&id(1)].clone();
    let sent = Upsert { updated_at: Some(edited), ..ours.clone() };
    describe(&before, &list.one(strategy, change(id(1), base, Action::Upsert(sent)), at(NOW)))
}

/// One row. The outcomes are those of manual, merge, last write wins with an earlier device clock,
/// last write wins with a later one, and client wins.
#[track_caller]
fn row(situation: &str, theirs: &[Upsert], base: i64, ours: &Upsert, expected: [&str; 5]) {
    row_with(situation, theirs, Base::Version(base), ours, expected);
}

#[track_caller]
fn row_with(situation: &str, theirs: &[Upsert], base: Base, ours: &Upsert, expected: [&str; 5]) {
    let under = |strategy, edited| outcome(theirs, base, ours, strategy, at(edited));
    let got = [
        under(Strategy::Manual, NOW),
        under(Strategy::Merge, NOW),
        under(Strategy::LastWriteWins, THEIRS - 1),
        under(Strategy::LastWriteWins, LATER),
        under(Strategy::ClientWins, NOW),
    ];
    assert_eq!(got, expected, "{situation}");
}

#[test]
#[rustfmt::skip]
fn the_todo_did_not_change_since_the_base() {
    row("another text", &[], 1, &text("bread"),
        ["title", "title", "title", "title", "title"]);
    row("text, notes and deletion at once", &[], 1, &and_text(delete(), "bread"),
        ["title+deleted, a tombstone"; 5]);
    row("the text it has", &[], 1, &text("milk"), ["in place"; 5]);
    row("nothing at all", &[], 1, &Upsert::default(), ["in place"; 5]);
    row("deletion", &[], 1, &delete(), ["deleted, a tombstone"; 5]);
    row("an edit of a tombstone that the device knows of", &[delete()], 2, &text("bread"),
        ["title, a tombstone"; 5]);
    row("a restoration", &[delete()], 2, &whole("milk"), ["deleted"; 5]);
}

#[test]
#[rustfmt::skip]
fn both_sides_edited() {
    row("the same field to different values", &[text("bread")], 1, &text("salt"),
        ["conflict: title", "conflict: title", "conflict: title, server's", "title", "title"]);
    row("the same field to the same value", &[text("bread")], 1, &text("bread"), ["in place"; 5]);
    row("different fields", &[text("bread")], 1, &done(),
        ["conflict: completed", "completed", "conflict: completed, server's", "completed", "completed"]);
    row("one field both, one only here", &[text("bread")], 1, &and_text(done(), "salt"),
        ["conflict: title+completed", "conflict: title", "conflict: title+completed, server's",
         "title+completed", "title+completed"]);
    row("one field both alike, one only here", &[text("bread")], 1, &and_text(done(), "bread"),
        ["conflict: completed", "completed", "conflict: completed, server's", "completed", "completed"]);
    row("a field there and back again", &[text("bread"), text("milk")], 1, &text("salt"),
        ["conflict: title", "conflict: title", "conflict: title, server's", "title", "title"]);
    row("the whole todo, one field changed here", &[notes("two")], 1, &whole("bread"),
        ["conflict: title+description", "conflict: description", "conflict: title+description, server's",
         "title+description", "title+description"]);
}

#[test]
#[rustfmt::skip]
fn metadata_is_decided_key_by_key() {
    let today = [with_due(Some("\"2026-01-09\""))];
    let tomorrow = with_due(Some("\"2026-01-10\""));
    let removed = [today[0].clone(), with_due(None)];
    row("different keys", &today, 1, &with_list(),
        ["conflict: list", "list", "conflict: list, server's", "list", "list"]);
    row("one key to different values", &today, 1, &tomorrow,
        ["conflict: due", "conflict: due", "conflict: due, server's", "due", "due"]);
    row("one key to the same value", &today, 1, &today[0], ["in place"; 5]);
    row("they removed a key that we set", &removed, 2, &tomorrow,
        ["conflict: due", "conflict: due", "conflict: due, server's", "due", "due"]);
    row("both removed a key", &removed, 2, &with_due(None), ["in place"; 5]);
    row("a key that is not there removed", &[], 1, &with_due(None), ["in place"; 5]);
    row("they set a key, we deleted", &today, 1, &delete(),
        ["conflict: deleted", "conflict: deleted, server's", "conflict: deleted, server's",
         "deleted, a tombstone", "deleted, a tombstone"]);
    row("they deleted, we set a key", &[delete()], 1, &tomorrow,
        ["conflict: due", "deleted+due", "conflict: due, server's", "deleted+due", "deleted+due"]);
}

#[test]
#[rustfmt::skip]
fn one_side_edited_and_the_other_deleted() {
    row("they deleted, we edited", &[delete()], 1, &text("bread"),
        ["conflict: title", "title+deleted", "conflict: title, server's", "title+deleted", "title+deleted"]);
    row("they edited, we deleted", &[text("bread")], 1, &delete(),
        ["conflict: deleted", "conflict: deleted, server's", "conflict: deleted, server's",
         "deleted, a tombstone", "deleted, a tombstone"]);
    row("they deleted, we sent the whole todo, edited", &[delete()], 1, &whole("bread"),
        ["conflict: title+deleted", "title+deleted", "conflict: title+deleted, server's",
         "title+deleted", "title+deleted"]);
    row("they deleted, we sent the whole todo as it was", &[delete()], 1, &whole("milk"),
        ["conflict: deleted", "conflict: deleted", "conflict: deleted, server's", "deleted", "deleted"]);
    row("they edited and deleted, we edited the same field", &[text("bread"), delete()], 1, &text("salt"),
        ["conflict: title", "conflict: title", "conflict: title, server's", "title+deleted", "title+deleted"]);
    row("they edited and deleted, we made the same edit", &[text("bread"), delete()], 1, &text("bread"),
        ["in place"; 5]);
    row("they deleted, we edited and deleted", &[delete()], 1, &and_text(delete(), "bread"),
        ["in place"; 5]);
    row("both deleted", &[delete()], 1, &delete(), ["in place"; 5]);
    row("they deleted and restored, we deleted", &[delete(), whole("milk")], 1, &delete(),
        ["conflict: deleted", "conflict: deleted, server's", "conflict: deleted, server's",
         "deleted, a tombstone", "deleted, a tombstone"]);
}

#[test]
#[rustfmt::skip]
fn an_unknown_or_impossible_base() {
    row("ahead of the server", &[], 2, &text("bread"), ["conflict: title"; 5]);
    row("below 1", &[], 0, &text("bread"), ["conflict: title"; 5]);
    row("ahead of the server, but in place", &[], 9, &text("milk"), ["in place"; 5]);
    row_with("none given", &[], Base::Unknown, &text("bread"),
        ["conflict: title", "conflict: title", "title", "title", "title"]);
    row_with("none given, in place", &[], Base::Unknown, &whole("milk"), ["in place"; 5]);
    row_with("none given, and they deleted", &[delete()], Base::Unknown, &whole("milk"),
        ["conflict: deleted", "conflict: deleted", "conflict: deleted, server's", "deleted", "deleted"]);
}

#[test]
fn a_device_clock_ahead_of_the_servers_counts_as_now() {
    let ours = |edited| {
        outcome(&[text("bread")], Base::Version(1), &text("salt"), Strategy::LastWriteWins, at(edited))
    };
    assert_eq!(ours(NOW * 1000), "title");
    assert_eq!(ours(THEIRS), "conflict: title, server's", "the same instant is not later");

    let mut list = List::new(at(50), []);
    let send = |list: &mut List, base, what: Upsert, now| {
        let what = Upsert { updated_at: Some(at(NOW * 1000)), ..what };
        list.one(Strategy::LastWriteWins, change(id(1), base, Action::Upsert(what)), at(now))
    };
    send(&mut list, Base::Unknown, text("milk"), NOW);
    send(&mut list, Base::Version(1), text("bread"), NOW);
    let before = list.todos[&id(1)].clone();
    let behind = send(&mut list, Base::Version(1), text("salt"), NOW);
    assert_eq!(
        describe(&before, &behind),
        "conflict: title, server's",
        "a clock that is ahead does not win a tie"
    );
}
