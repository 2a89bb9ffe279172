//! Laws about the limits of storage, and about the user's row. [`List::decide`] checks in every law
//! that the row equals the sums over all todos.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{List, any, applied, at, batch, change, id, replay};
use crate::ids::TodoId;
use crate::todo::plan::Plan;
use crate::todo::{Action, Base, Batch, Outcome, Rejection, StorageLimits, Strategy as Rule, Todo, UserRow};

/// Limits that small lists exceed.
fn limits() -> impl Strategy<Value = StorageLimits> {
    (0..4u32, 0..40u64, 0..4u32, 0..3u32).prop_map(|(live, bytes, tombstones, sweep)| StorageLimits {
        live,
        bytes,
        tombstones,
        sweep,
    })
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let limited = (any::batch(), limits()).prop_map(|(batch, limits)| Batch { limits, ..batch });
    prop::collection::vec(limited, 1..6)
}

/// The tombstones of the list, the oldest first.
fn tombstones(list: &List) -> Vec<Todo> {
    let mut all: Vec<_> = list.todos.values().filter(|todo| todo.deleted()).cloned().collect();
    all.sort_unstable_by_key(Todo::updated_at);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn only_a_change_that_adds_text_is_rejected_for_the_byte_quota(
        list in any::list(), mut batch in any::batch(), limits in limits(), now in any::now(),
    ) {
        batch.limits = StorageLimits { live: 100, tombstones: 100, ..limits };
        let done = list.clone().decide(&batch, now);
        let mut bytes = list.row.stored_bytes;
        let mut unlimited = list.clone();
        let mut rejected = HashSet::new();
        for step in replay(&list, &batch, &done) {
            if let Some(after) = applied(step.outcome) {
                let before = step.before.as_ref().map_or(0, Todo::stored_bytes);
                let grown = bytes - before + after.stored_bytes();
                prop_assert!(grown <= bytes.max(limits.bytes));
                bytes = grown;
            }
            if let Outcome::Rejected(Rejection::ByteQuota { limit }) = step.outcome {
                prop_assert_eq!(*limit, limits.bytes);
                let heals = matches!(&step.change.action, Action::Upsert(upsert) if upsert.healing);
                if !rejected.insert(step.change.id) || heals {
                    // It is rejected with the change that it rests on, or decided otherwise alone.
                    continue;
                }
                let without = Batch { limits: StorageLimits::default(), ..batch.clone() };
                let without = Batch { changes: vec![step.change.clone()], ..without };
                // The other changes of the batch may matter for this one, but not for its length.
                unlimited.todos.extend(step.before.clone().map(|todo| (todo.id(), todo)));
                if step.before.is_none() {
                    unlimited.todos.remove(&step.change.id);
                }
                unlimited.row = super::recount(&unlimited.row, &unlimited.todos);
                let accepted = unlimited.clone().decide(&without, now);
                if let Some(after) = applied(&accepted.outcomes()[0]) {
                    let before = step.before.as_ref().map_or(0, Todo::stored_bytes);
                    prop_assert!(after.stored_bytes() > before, "it adds nothing");
                }
            }
        }
    }

    #[test]
    fn a_commit_removes_the_oldest_tombstones_beyond_the_limit_and_nothing_else(
        mut list in any::list(), batches in batches(),
    ) {
        for (seconds, batch) in (60..).zip(batches) {
            let before = list.clone();
            let done = list.decide(&batch, at(seconds));
            let kept = tombstones(&list);
            let swept: Vec<_> = done.swept.iter().map(|id| &before.todos[id]).collect();
            let StorageLimits { tombstones: limit, sweep, .. } = batch.limits;
            let limit = usize::try_from(limit).expect("few");

            prop_assert!(swept.is_sorted_by_key(|todo| todo.updated_at()));
            prop_assert!(done.events.iter().all(|event| !done.swept.contains(&event.todo.id())));
            for todo in &swept {
                prop_assert!(todo.deleted() && todo.updated_at() <= list.row.horizon);
            }
            let untouched = kept.iter().filter(|todo| todo.updated_at() <= before.row.clock);
            if let (Some(oldest), Some(newest)) = (untouched.clone().next(), swept.last()) {
                prop_assert!(oldest.updated_at() > newest.updated_at(), "an older one is kept");
            }
            let horizon = swept.last().map_or(before.row.horizon, |todo| todo.updated_at());
            prop_assert_eq!(list.row.horizon, horizon.max(before.row.horizon));
            if done.written.is_empty() {
                prop_assert!(swept.is_empty());
            } else {
                prop_assert!(kept.len() <= limit || untouched.count() == 0);
                let sweep = usize::try_from(sweep.max(1)).expect("few");
                prop_assert!(swept.is_empty() || kept.len() + sweep > limit, "too many are removed");
            }
        }
    }

    #[test]
    fn a_state_that_decides_several_batches_removes_what_loading_it_for_each_would(
        list in any::list(), batches in batches(),
    ) {
        let mut anew = list.clone();
        let mut all = Batch { changes: Vec::new(), ..batch(Rule::Manual, vec![]) };
        all.changes.extend(batches.iter().flat_map(|batch| batch.changes.clone()));
        let mut state = list.clone().load_for(&all, &batches);
        for (seconds, batch) in (60..).zip(&batches) {
            let before = anew.todos.clone();
            let done = anew.decide(batch, at(seconds));
            let plan = Plan::decide(&mut state, batch, at(seconds)).expect("numbers enough");
            // What an earlier batch of the group deleted is a candidate only after the next load.
            let is_candidate = |id: &TodoId| list.todos.get(id) == before.get(id);
            if !done.swept.iter().all(is_candidate) {
                return Ok(());
            }
            prop_assert_eq!(plan.swept(), done.swept);
            prop_assert_eq!(state.row(), anew.row.clone());
        }
    }
}

#[test]
fn candidates_are_loaded_only_near_the_limit() {
    let deletions = |count| {
        let delete = |n| change(id(n), Base::Current, Action::Delete);
        Batch { limits: StorageLimits::default(), ..batch(Rule::Manual, (0..count).map(delete).collect()) }
    };
    let candidates = |tombstones, batches: &[Batch]| {
        UserRow { tombstones, ..UserRow::new(at(0), 1) }.sweep_candidates(batches)
    };
    for (tombstones, sizes, expected) in [
        (0, vec![1000], 0),
        (9_000, vec![1000], 0),
        (9_001, vec![1000], 2000),
        (10_000, vec![], 0),
        (10_000, vec![0], 0),
        (10_000, vec![1], 1001),
        (12_500, vec![0], 3000),
        (9_999, vec![1, 1, 1], 1003),
        (9_999, vec![1000, 1000], 4000),
    ] {
        let batches: Vec<_> = sizes.iter().map(|count| deletions(*count)).collect();
        assert_eq!(candidates(tombstones, &batches), expected, "{tombstones} {sizes:?}");
    }
}
