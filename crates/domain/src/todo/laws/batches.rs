//! Laws about several changes that are decided together.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{List, any, at, batch, change, differing, id, named, named_otherwise, titled, upsert};
use crate::sync::{Cursor, Epoch};
use crate::todo::plan::{Decision, Plan, UserState, Written};
use crate::todo::{Action, Base, Batch, Field, Outcome, Strategy as Rule, Todo, TodoNumber, Upsert, UserRow};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn changes_of_different_todos_are_decided_independently(
        list in any::list(), mut batch in any::batch(), now in any::now(),
    ) {
        let mut seen = HashSet::new();
        batch.changes.retain(|change| seen.insert(change.id));
        let (mut together, mut alone) = (list.clone(), list);
        let done = together.decide(&batch, now);
        for (change, expected) in batch.changes.iter().zip(done.outcomes()) {
            let one = Batch { changes: vec![change.clone()], ..batch.clone() };
            match (&alone.decide(&one, now).outcomes()[0], expected) {
                (
                    Outcome::Applied { todo, event: kind, .. },
                    Outcome::Applied { todo: expected, event: expected_kind, .. },
                ) => {
                    prop_assert_eq!(differing(todo, expected), vec![]);
                    prop_assert_eq!((todo.versions(), kind), (expected.versions(), expected_kind));
                }
                (outcome, expected) => prop_assert_eq!(outcome, expected),
            }
        }
        prop_assert_eq!(together.row, alone.row);
    }

    #[test]
    fn a_device_is_up_to_date_if_it_sends_from_the_clock_and_holds_all_that_is_written(
        mut list in any::list(), mut batch in any::batch(), now in any::now(), behind in 0..2i64,
    ) {
        let clock = list.row.clock;
        let since = clock.minus(Duration::from_micros(behind.unsigned_abs()));
        batch.cursor = Some(Cursor::at(Some(since)));
        let done = list.decide(&batch, now);
        let Decision::Decided(decided) = &done.decision else { return Ok(()) };
        let held = Outcome::held_by_sending(&decided.outcomes);
        let lacks = |todo: &Todo| {
            todo.updated_at() > since && held.get(&todo.id()) != Some(&Some(todo.version()))
        };
        prop_assert_eq!(decided.up_to_date.is_some(), since == clock && !list.todos.values().any(lacks));
        if let Some(position) = &decided.up_to_date {
            prop_assert_eq!(position, &list.row.clone().position(list.epochs));
        }
    }

    #[test]
    fn a_batch_on_a_cursor_that_cannot_be_continued_writes_nothing(
        list in any::list(), mut batch in any::batch(), now in any::now(), since in -50..100i64, epoch: bool,
    ) {
        let since = at(since);
        let epoch = Epoch(if epoch { "first" } else { "another" }.into());
        let names_current = epoch.0 == "first";
        let continues = names_current && list.row.horizon <= since && since <= list.row.clock;
        batch.cursor = Some(Cursor { epoch: Some(epoch), ..Cursor::at(Some(since)) });
        let mut after = list.clone();
        let done = after.decide(&batch, now);
        prop_assert_eq!(!matches!(done.decision, Decision::StaleCursor(_)), continues);
        if !continues {
            prop_assert!(done.written.is_empty() && done.events.is_empty());
            let ahead = since > list.row.clock && names_current;
            prop_assert_eq!(after.row.history.last().counter, u32::from(ahead), "an epoch begins");
            let history = list.row.history.clone();
            prop_assert_eq!((after.todos, UserRow { history, ..after.row }), (list.todos, list.row));
        }
    }

    #[test]
    fn a_device_is_current_only_if_it_sent_or_has_seen_the_whole_todo(
        todo in any::todo(1), base in any::base(), sent in any::upsert(), normalised: bool,
        since in prop::option::of(0..=50i64),
    ) {
        let sent = Upsert { normalised, ..sent };
        let list = List::new(at(50), [todo.clone()]);
        let action = Action::Upsert(sent.clone());
        let cursor = Some(Cursor::at(since.map(at)));
        let batch = Batch { cursor, ..batch(Rule::ClientWins, vec![change(id(1), base, action.clone())]) };
        let done = list.clone().decide(&batch, at(60));
        let (Outcome::Applied { todo: after, client_is_current, .. }
        | Outcome::Unchanged { todo: Some(after), client_is_current }) = &done.outcomes()[0]
        else {
            return Ok(());
        };
        let seen = since.map(at) >= Some(todo.updated_at()) && base == Base::Version(todo.version());
        let asks_for_no_check = base == Base::Current && since.map(at) >= Some(todo.updated_at());
        let named = named(&action);
        let keys = todo.metadata().entries().map(|(key, _)| Field::Metadata(key.clone()));
        let names_all = Field::OWN.into_iter().chain(keys).all(|field| named.contains(&field));
        let held = names_all || seen || asks_for_no_check;
        // The deletion of a tombstone may name values that the tombstone does not have.
        let as_sent = named_otherwise(&sent, after).is_empty();
        prop_assert_eq!(*client_is_current, held && sent.is_verbatim(after) && as_sent);
    }

    #[test]
    fn deciding_several_batches_on_one_state_equals_loading_the_state_for_each(
        list in any::list(), batches in prop::collection::vec((any::batch(), any::now()), 1..4),
    ) {
        let mut anew = list.clone();
        let mut all = Batch { changes: Vec::new(), ..batch(Rule::Manual, vec![]) };
        all.changes.extend(batches.iter().flat_map(|(batch, _)| batch.changes.clone()));
        let mut state = list.clone().load(&all);
        for (batch, now) in &batches {
            let done = anew.decide(batch, *now);
            let plan = Plan::decide(&mut state, batch, *now).expect("numbers enough");
            // Numbers are left out: the two take them from different supplies.
            let facts = |written: &[Written]| -> Vec<_> {
                written.iter().map(|w| (w.todo.versions(), w.todo.updated_at(), w.is_new)).collect()
            };
            prop_assert_eq!(facts(plan.written()), facts(&done.written));
            prop_assert_eq!(state.row(), anew.row.clone());
        }
    }

    #[test]
    fn no_number_is_assigned_twice(list in any::list(), batches in prop::collection::vec(any::batch(), 1..4)) {
        let mut after = list;
        for batch in batches {
            after.decide(&batch, at(60));
        }
        let numbers: HashSet<TodoNumber> = after.todos.values().map(Todo::number).collect();
        prop_assert_eq!(numbers.len(), after.todos.len());
    }
}

#[test]
fn outcome_event_and_written_row_share_one_todo() {
    let mut list = List::new(at(50), []);
    let new = change(id(1), Base::Unknown, Action::Upsert(upsert(titled("milk"), None)));
    let done = list.decide(&batch(Rule::Manual, vec![new.clone(), new]), at(60));
    let [Outcome::Applied { todo, .. }, Outcome::Unchanged { todo: Some(unchanged), .. }] = done.outcomes()
    else {
        panic!("{:?}", done.outcomes())
    };
    for shared in [unchanged, &done.events[0].todo, &done.written[0].todo] {
        assert!(Arc::ptr_eq(todo, shared));
    }
}

#[test]
fn too_few_fresh_numbers_are_an_error() {
    let list = List::new(at(50), []);
    let new = change(id(1), Base::Unknown, Action::Upsert(upsert(titled("milk"), None)));
    let mut state = UserState::new(list.row, list.epochs, [], vec![], vec![]);
    let decided = Plan::decide(&mut state, &batch(Rule::Manual, vec![new]), at(60));
    assert!(decided.is_err());
}
