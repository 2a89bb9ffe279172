//! What holds for several changes that are decided together.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{
    List, any, applied, at, batch, change, differing, id, in_place, named, title, titled, upsert, value, walk,
};
use crate::sync::{Cursor, Epoch};
use crate::time::Stamp;
use crate::todo::plan::{Decision, Plan, UserState, Written};
use crate::todo::{Action, Base, Batch, Change, Field, Outcome, Strategy as Rule, Todo, TodoNumber, Upsert};

/// Uploads of one todo in the order in which a device made them, by a clock that may stand but never goes back.
fn uploads() -> impl Strategy<Value = Vec<Upsert>> {
    prop::collection::vec(any::upsert(), 1..5).prop_map(|mut uploads| {
        let mut times: Vec<_> = uploads.iter().map(|upsert| upsert.updated_at.unwrap_or(at(0))).collect();
        times.sort_unstable();
        for (upsert, time) in uploads.iter_mut().zip(times) {
            upsert.updated_at = Some(time);
        }
        uploads
    })
}

fn sent(base: Base, uploads: &[Upsert]) -> Vec<Change> {
    uploads.iter().map(|upload| change(id(1), base, Action::Upsert(upload.clone()))).collect()
}

fn values(list: &List) -> Vec<Vec<String>> {
    let of = |todo| Field::ALL.into_iter().map(|field| value(todo, field)).collect();
    list.todos.values().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn changes_of_different_todos_are_decided_as_if_each_came_alone(
        list in any::list(), mut batch in any::batch(), now in any::now(),
    ) {
        let mut seen = HashSet::new();
        batch.changes.retain(|change| seen.insert(change.id));
        batch.all_or_nothing = false;
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
        prop_assert_eq!(together.position, alone.position);
    }

    #[test]
    fn the_same_todo_again_is_decided_on_top_of_what_came_before(
        todo in prop::option::of(any::todo(1)),
        uploads in uploads(),
        base in 0..7i64,
        rule in any::rule(),
        now in any::now(),
    ) {
        let base = Base::Version(todo.as_ref().map_or(base, Todo::version));
        let (mut together, mut apart) = (List::new(at(50), todo.clone()), List::new(at(50), todo));
        let done = together.decide(&batch(rule, sent(base, &uploads)), now);
        for change in sent(Base::Current, &uploads) {
            apart.one(rule, change, now);
        }
        let conflict = done.outcomes().iter().find(|outcome| matches!(outcome, Outcome::Conflict(_)));
        prop_assert_eq!(conflict, None, "a device can't be in conflict with itself");
        prop_assert_eq!(values(&together), values(&apart));
        prop_assert_eq!(together.position, apart.position);
    }

    #[test]
    fn manual_and_merge_overwrite_nothing_that_the_change_did_not_know(
        todo in any::todo(1),
        changes in prop::collection::vec((any::base(), any::upsert()), 1..6),
        merge: bool,
        now in any::now(),
    ) {
        let rule = if merge { Rule::Merge } else { Rule::Manual };
        let changes = changes.into_iter().map(|(base, sent)| change(id(1), base, Action::Upsert(sent)));
        let batch = batch(rule, changes.collect());
        let list = List::new(at(50), [todo.clone()]);
        let done = list.clone().decide(&batch, now);
        for met in walk(&list, &batch, &done) {
            let Some((before, after)) = met.altered() else { continue };
            let Base::Version(base) = met.change.base else { continue };
            prop_assert!(merge || base >= todo.version(), "manual accepted a stale change");
            for field in differing(before, after) {
                let changed_at = before.versions().of(field);
                let others = changed_at <= todo.version();
                let revived = field == Field::Deleted && before.deleted();
                prop_assert!(!others || changed_at <= base || revived, "{field:?} is overwritten");
            }
        }
    }

    #[test]
    fn last_write_wins_measures_every_change_of_a_batch_against_the_others_last_write(
        todo in any::todo(1),
        uploads in prop::collection::vec((1..6i64, any::upsert(), any::device_time()), 1..6),
        now in any::now(),
    ) {
        let change = |(base, mut sent, time): (i64, Upsert, Stamp)| {
            sent.updated_at = Some(time);
            change(id(1), Base::Version(base.min(todo.version())), Action::Upsert(sent))
        };
        let batch = batch(Rule::LastWriteWins, uploads.into_iter().map(change).collect());
        let list = List::new(at(50), [todo.clone()]);
        let done = list.clone().decide(&batch, now);
        for met in walk(&list, &batch, &done) {
            let Action::Upsert(sent) = &met.change.action else { continue };
            let later = sent.updated_at.is_some_and(|time| time.min(now) > todo.updated_at());
            let wins = later || met.change.base == Base::Version(todo.version());
            match met.outcome {
                Outcome::Applied { .. } => prop_assert!(wins),
                Outcome::Conflict(_) => prop_assert!(!wins),
                other => prop_assert!(in_place(other)),
            }
        }
    }

    #[test]
    fn a_request_sent_twice_leaves_what_it_left_once(
        todo in prop::option::of(any::todo(1)),
        mut uploads in uploads(),
        base in prop::option::weighted(0.9, 0..6i64),
        rule in any::rule(),
        now in any::now(),
        later in any::now(),
    ) {
        if todo.is_none() {
            uploads[0].edit.title.get_or_insert(title("oil"));
            uploads[0].deleted = None;
        }
        // Nobody edits what it deleted.
        let end = uploads.iter().position(|upload| upload.deleted == Some(true));
        uploads.truncate(end.map_or(uploads.len(), |end| end + 1));
        // Nobody holds a version of a todo that the server does not know, but for the first that it makes up itself.
        let held = |base: i64| todo.as_ref().map_or(base.min(1), |todo| base.clamp(1, todo.version()));
        let base = base.map_or(Base::Unknown, |base| Base::Version(held(base)));
        let batch = batch(rule, sent(base, &uploads));
        let mut list = List::new(at(50), todo);
        // A clock that stands behind the last stamp makes times count that did not before; it is held to the other laws.
        let now = now.max(list.position.clock);
        list.decide(&batch, now);
        let once = values(&list);
        list.decide(&batch, later.max(now));
        prop_assert_eq!(values(&list), once);
    }

    #[test]
    fn an_all_or_nothing_batch_that_is_not_spoilt_does_what_another_does(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let whole = Batch { all_or_nothing: true, ..batch.clone() };
        let parts = Batch { all_or_nothing: false, ..batch };
        let (whole, parts) = (list.clone().decide(&whole, now), list.clone().decide(&parts, now));
        prop_assert_eq!(&whole.decision, &parts.decision);
        let fine = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. } | Outcome::Unchanged { .. });
        if parts.outcomes().iter().all(fine) {
            prop_assert_eq!(whole, parts);
        } else {
            prop_assert!(whole.written.is_empty() && whole.events.is_empty());
        }
    }

    #[test]
    fn a_batch_on_a_cursor_that_cannot_be_continued_writes_nothing(
        list in any::list(), mut batch in any::batch(), now in any::now(), since in -50..100i64, epoch: bool,
    ) {
        let since = at(since);
        let epoch = Epoch(if epoch { "first" } else { "another" }.into());
        let continues = epoch.0 == "first" && list.position.horizon <= since && since <= list.position.clock;
        batch.cursor = Some(Cursor { since: Some(since), epoch: Some(epoch) });
        let mut after = list.clone();
        let done = after.decide(&batch, now);
        prop_assert_eq!(done.decision != Decision::StaleCursor, continues);
        if !continues {
            prop_assert!(done.written.is_empty() && done.events.is_empty());
            prop_assert_eq!((after.todos, after.position), (list.todos, list.position));
        }
    }

    #[test]
    fn a_device_is_taken_to_know_only_what_it_sent_or_has_seen(
        todo in any::todo(1), base in any::base(), sent in any::upsert(), since in prop::option::of(0..=50i64),
    ) {
        let list = List::new(at(50), [todo.clone()]);
        let sent = change(id(1), base, Action::Upsert(sent));
        let cursor = Some(Cursor::at(since.map(at)));
        let batch = Batch { cursor, ..batch(Rule::ClientWins, vec![sent.clone()]) };
        let done = list.clone().decide(&batch, at(60));
        let (Outcome::Applied { known, .. } | Outcome::Unchanged { known, .. }) = done.outcomes()[0] else {
            return Ok(());
        };
        let seen = since.map(at) >= Some(todo.updated_at()) && base == Base::Version(todo.version());
        let asks_for_no_check = base == Base::Current && since.map(at) >= Some(todo.updated_at());
        prop_assert_eq!(known, named(&sent.action) == Field::ALL || seen || asks_for_no_check);
    }

    #[test]
    fn batches_decided_on_one_loaded_state_are_decided_as_if_each_was_loaded_anew(
        list in any::list(), batches in prop::collection::vec((any::batch(), any::now()), 1..4),
    ) {
        let mut anew = list.clone();
        let mut all = Batch { changes: Vec::new(), ..batch(Rule::Manual, vec![]) };
        all.changes.extend(batches.iter().flat_map(|(batch, _)| batch.changes.clone()));
        let mut state = list.clone().load(&all);
        for (batch, now) in &batches {
            let done = anew.decide(batch, *now);
            let plan = Plan::decide(&mut state, batch, *now).expect("numbers enough");
            // All but the numbers, which the two take from different supplies.
            let facts = |written: &[Written]| -> Vec<_> {
                written.iter().map(|w| (w.todo.versions(), w.todo.updated_at(), w.is_new)).collect()
            };
            prop_assert_eq!(facts(plan.written()), facts(&done.written));
            prop_assert_eq!((state.clock(), state.live()), (anew.position.clock, anew.live()));
        }
    }

    #[test]
    fn no_number_is_given_twice(list in any::list(), batches in prop::collection::vec(any::batch(), 1..4)) {
        let mut after = list;
        for batch in batches {
            after.decide(&batch, at(60));
        }
        let numbers: HashSet<TodoNumber> = after.todos.values().map(Todo::number).collect();
        prop_assert_eq!(numbers.len(), after.todos.len());
    }
}

#[test]
fn a_store_that_offers_too_few_numbers_is_told_so() {
    let list = List::new(at(50), []);
    let new = change(id(1), Base::Unknown, Action::Upsert(upsert(titled("milk"), None)));
    let mut state = UserState::new(list.position, 0, [], vec![]);
    let decided = Plan::decide(&mut state, &batch(Rule::Manual, vec![new]), at(60));
    assert!(decided.is_err());
}

#[test]
fn the_first_outcome_for_a_todo_again_in_one_batch_is_kept_beside_the_second() {
    let mut list = List::new(at(50), []);
    let milk = sent(Base::Version(0), &[upsert(titled("milk"), None)]);
    let bread = sent(Base::Version(0), &[upsert(titled("bread"), None)]);
    let done = list.decide(&batch(Rule::Manual, [milk, bread].concat()), at(60));
    let versions: Vec<_> = done.outcomes().iter().filter_map(applied).map(Todo::version).collect();
    assert_eq!(versions, [1, 2]);
}
