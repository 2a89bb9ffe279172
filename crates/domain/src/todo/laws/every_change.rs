//! Laws about any change under any strategy.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{any, applied, at, batch as batch_of, differing, fields, in_place, named, replay};
use crate::time::Stamp;
use crate::todo::{Action, EventKind, Field, Outcome, Rejection, Todo};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_decision_is_deterministic(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        prop_assert_eq!(list.clone().decide(&batch, now), list.clone().decide(&batch, now));
    }

    #[test]
    fn an_accepted_change_raises_the_version_by_one_and_takes_the_next_stamp(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        let mut last = list.row.clock;
        for step in replay(&list, &batch, &done) {
            if let Some(after) = applied(step.outcome) {
                prop_assert_eq!(after.version(), step.before.map_or(0, |before| before.version()) + 1);
                prop_assert_eq!(after.updated_at(), now.max(last.next()));
                last = after.updated_at();
            }
        }
    }

    #[test]
    fn a_change_that_alters_nothing_is_not_applied(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for step in replay(&list, &batch, &done) {
            match step.outcome {
                Outcome::Applied { todo, .. } => {
                    prop_assert!(step.before.is_none_or(|before| !differing(&before, todo).is_empty()));
                }
                Outcome::Unchanged { todo, .. } => prop_assert_eq!(todo.as_deref(), step.before.as_ref()),
                Outcome::Conflict(conflict) => {
                    let unaltered = Some(&*conflict.current) == step.before.as_ref();
                    prop_assert_eq!(unaltered, conflict.applied.is_none());
                    prop_assert!(!conflict.fields.is_empty());
                    prop_assert_eq!(conflict.strategy, batch.strategy);
                }
                Outcome::NotFound | Outcome::TextGone | Outcome::IdInUse(_) | Outcome::Rejected(_) => {}
            }
        }
    }

    #[test]
    fn only_named_fields_change_except_that_an_edit_may_restore(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for step in replay(&list, &batch, &done) {
            let Some((before, after)) = step.altered() else { continue };
            let named = named(&step.change.action);
            for field in differing(before, after) {
                let restored = field == Field::Deleted && before.deleted();
                prop_assert!(named.contains(&field) || restored, "{field:?} was not named");
            }
            prop_assert_eq!(after.id(), before.id());
            prop_assert_eq!(after.number(), before.number());
            prop_assert_eq!(after.created_at(), before.created_at());
            prop_assert_eq!(after.client_id(), step.change.client_id.as_ref());
        }
    }

    #[test]
    fn a_field_has_the_version_and_the_stamp_at_which_it_last_changed(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for step in replay(&list, &batch, &done) {
            let Some((before, after)) = step.altered() else { continue };
            let changed = differing(before, after);
            for field in fields() {
                let kept = before.version_of(&field);
                let expected = if changed.contains(&field) { after.version() } else { kept };
                prop_assert_eq!(after.version_of(&field), expected);
            }
            let instant = |field, is_set: bool, kept| {
                if changed.contains(&field) { is_set.then_some(after.updated_at()) } else { kept }
            };
            let completed_at = instant(Field::Completed, after.completed(), before.completed_at());
            let deleted_at = instant(Field::Deleted, after.deleted(), before.deleted_at());
            prop_assert_eq!(after.completed_at(), completed_at);
            prop_assert_eq!(after.deleted_at(), deleted_at);
        }
    }

    #[test]
    fn a_new_todo_has_version_1_in_every_field_and_no_instant_in_the_future(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for step in replay(&list, &batch, &done).iter().filter(|step| step.before.is_none()) {
            let Some(after) = applied(step.outcome) else { continue };
            prop_assert!(fields().iter().all(|field| after.version_of(field) == 1));
            let (created_at, completed_at, is_tombstone) = match &step.change.action {
                Action::Create(new) => (new.created_at, new.completed_at, false),
                Action::Upsert(upsert) => (upsert.created_at, upsert.completed_at, upsert.deleted == Some(true)),
                other => panic!("{other:?} creates nothing"),
            };
            let past = |at: Option<Stamp>| at.filter(|at| *at <= now).unwrap_or(after.updated_at());
            prop_assert_eq!(after.created_at(), past(created_at));
            prop_assert_eq!(after.completed_at(), after.completed().then_some(past(completed_at)));
            prop_assert_eq!(after.deleted_at(), is_tombstone.then_some(after.updated_at()));
            prop_assert_eq!(after.is_shrunk(), is_tombstone);
        }
    }

    #[test]
    fn each_accepted_change_is_published_once_in_order_and_the_last_state_is_written(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let mut after = list.clone();
        let done = after.decide(&batch, now);
        let published: Vec<_> = done.events.iter().map(|event| &*event.todo).collect();
        prop_assert_eq!(published, done.applied());
        let accepted = replay(&list, &batch, &done).into_iter().filter(|step| applied(step.outcome).is_some());
        for (step, event) in accepted.zip(&done.events) {
            let expected = match (step.before.map(|before| before.deleted()), event.todo.deleted()) {
                (None, false) => EventKind::Created,
                (Some(true), false) => EventKind::Restored,
                (_, true) => EventKind::Deleted,
                (Some(false), false) => EventKind::Updated,
            };
            prop_assert_eq!(event.kind, expected);
        }
        let mut written: Vec<_> = done.written.iter().map(|written| written.todo.id()).collect();
        let mut named: Vec<_> = done.applied().into_iter().map(Todo::id).collect();
        for ids in [&mut written, &mut named] {
            ids.sort_unstable();
        }
        named.dedup();
        prop_assert_eq!(written, named);
        for written in &done.written {
            let last = done.applied().into_iter().rfind(|todo| todo.id() == written.todo.id());
            prop_assert_eq!(Some(&*written.todo), last);
        }
        let clock = done.applied().last().map_or(list.row.clock, |todo| todo.updated_at());
        prop_assert_eq!(after.row.clock, clock);
    }

    #[test]
    fn no_creation_and_no_restoration_exceeds_the_quota(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        let mut live = list.live();
        let mut rejected = BTreeSet::new();
        for step in replay(&list, &batch, &done) {
            let was_live = step.before.as_ref().is_some_and(|before| !before.deleted());
            if let Some(after) = applied(step.outcome) {
                live = live + u32::from(!after.deleted()) - u32::from(was_live);
                prop_assert!(was_live || after.deleted() || live <= batch.limits.live);
            }
            if let Outcome::Rejected(Rejection::Quota { limit }) = step.outcome {
                prop_assert_eq!(*limit, batch.limits.live);
                // A change is rejected together with an earlier one of the same todo.
                let is_first = rejected.insert(step.change.id);
                prop_assert!(live >= batch.limits.live || !is_first, "there was room");
            }
        }
    }

    #[test]
    fn only_a_tombstone_is_without_a_title(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        for after in list.clone().decide(&batch, now).applied() {
            prop_assert_eq!(after.is_shrunk(), after.title().as_str().is_empty());
            prop_assert!(after.deleted() || !after.is_shrunk());
        }
    }

    #[test]
    fn an_accepted_change_sent_again_changes_nothing(
        list in any::list(),
        change in any::change_by(any::repeatable()),
        rule in any::rule(),
        now in any::now(),
        later in 0..100i64,
    ) {
        let once = batch_of(rule, vec![change.clone()]);
        let twice = batch_of(rule, vec![change.clone(), change]);
        let (mut apart, mut together) = (list.clone(), list);
        let first = apart.decide(&once, now).outcomes()[0].clone();
        if !matches!(first, Outcome::Applied { .. } | Outcome::Unchanged { .. }) {
            return Ok(());
        }
        let after = (apart.todos.clone(), apart.row.clone());
        let again = apart.decide(&once, at(later));
        prop_assert!(in_place(&again.outcomes()[0]));
        prop_assert_eq!(&(apart.todos, apart.row), &after);

        let both = together.decide(&twice, now);
        prop_assert_eq!(&both.outcomes()[0], &first);
        prop_assert!(in_place(&both.outcomes()[1]));
        prop_assert_eq!((together.todos, together.row), after);
    }
}
