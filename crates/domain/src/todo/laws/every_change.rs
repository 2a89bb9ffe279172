//! What holds for any change, whatever the strategy.

use proptest::prelude::*;

use super::{any, applied, at, batch as batch_of, differing, in_place, named, walk};
use crate::todo::{Action, Batch, EventKind, Field, Outcome, Rejection, Todo};

/// Whether an all-or-nothing batch came to nothing.
fn spoilt(batch: &Batch, outcomes: &[Outcome]) -> bool {
    batch.all_or_nothing && !outcomes.iter().all(Outcome::succeeded)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_same_batch_on_the_same_list_is_decided_the_same(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        prop_assert_eq!(list.clone().decide(&batch, now), list.clone().decide(&batch, now));
    }

    #[test]
    fn an_accepted_change_raises_the_version_by_one_and_takes_the_next_stamp(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        let mut last = list.position.clock;
        for met in walk(&list, &batch, &done) {
            if let Some(after) = applied(met.outcome) {
                prop_assert_eq!(after.version(), met.before.map_or(0, |before| before.version()) + 1);
                prop_assert_eq!(after.updated_at(), now.max(last.next()));
                last = after.updated_at();
            }
        }
    }

    #[test]
    fn a_change_that_alters_nothing_is_no_accepted_change(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for met in walk(&list, &batch, &done) {
            match met.outcome {
                Outcome::Applied { todo, .. } => {
                    prop_assert!(met.before.is_none_or(|before| !differing(&before, todo).is_empty()));
                }
                Outcome::Unchanged { todo, .. } => prop_assert_eq!(todo.as_deref(), met.before.as_ref()),
                Outcome::Conflict(conflict) => {
                    prop_assert_eq!(Some(&*conflict.current), met.before.as_ref());
                    prop_assert!(!conflict.fields.is_empty());
                    prop_assert_eq!(conflict.strategy, batch.strategy);
                }
                Outcome::NotFound | Outcome::IdInUse | Outcome::Rejected(_) => {}
            }
        }
    }

    #[test]
    fn only_the_named_fields_change_but_for_a_restoration_by_an_edit(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for met in walk(&list, &batch, &done) {
            let Some((before, after)) = met.altered() else { continue };
            let named = named(&met.change.action);
            for field in differing(before, after) {
                let restored = field == Field::Deleted && before.deleted();
                prop_assert!(named.contains(&field) || restored, "{field:?} was not named");
            }
            prop_assert_eq!(after.id(), before.id());
            prop_assert_eq!(after.number(), before.number());
            prop_assert_eq!(after.created_at(), before.created_at());
            prop_assert_eq!(after.client_id(), met.change.client_id.as_ref());
        }
    }

    #[test]
    fn a_field_has_the_version_and_the_stamp_at_which_it_last_changed(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for met in walk(&list, &batch, &done) {
            let Some((before, after)) = met.altered() else { continue };
            let changed = differing(before, after);
            for field in Field::ALL {
                let kept = before.versions().of(field);
                let expected = if changed.contains(&field) { after.version() } else { kept };
                prop_assert_eq!(after.versions().of(field), expected);
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
    fn a_creation_has_version_1_everywhere_and_no_instant_in_the_future(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        for met in walk(&list, &batch, &done).iter().filter(|met| met.before.is_none()) {
            let Some(after) = applied(met.outcome) else { continue };
            prop_assert!(Field::ALL.iter().all(|field| after.versions().of(*field) == 1));
            let given = match &met.change.action {
                Action::Create(new) => new.created_at,
                Action::Upsert(upsert) => upsert.created_at,
                _ => None,
            };
            let expected = given.filter(|given| *given <= now).unwrap_or(after.updated_at());
            prop_assert_eq!(after.created_at(), expected);
            prop_assert_eq!(after.completed_at(), after.completed().then_some(after.updated_at()));
            prop_assert!(!after.deleted());
        }
    }

    #[test]
    fn each_accepted_change_is_told_once_in_order_and_written_as_it_was_left(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let mut after = list.clone();
        let done = after.decide(&batch, now);
        if spoilt(&batch, done.outcomes()) {
            prop_assert!(done.events.is_empty() && done.written.is_empty());
            prop_assert_eq!((after.todos, after.position), (list.todos, list.position));
            return Ok(());
        }
        let told: Vec<_> = done.events.iter().map(|event| &*event.todo).collect();
        prop_assert_eq!(told, done.applied());
        let accepted = walk(&list, &batch, &done).into_iter().filter(|met| applied(met.outcome).is_some());
        for (met, event) in accepted.zip(&done.events) {
            let expected = match (met.before.map(|before| before.deleted()), event.todo.deleted()) {
                (None, _) => EventKind::Created,
                (Some(true), false) => EventKind::Restored,
                (Some(_), true) => EventKind::Deleted,
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
        let clock = done.applied().last().map_or(list.position.clock, |todo| todo.updated_at());
        prop_assert_eq!(after.position.clock, clock);
    }

    #[test]
    fn no_creation_and_no_restoration_exceeds_the_quota(
        list in any::list(), batch in any::batch(), now in any::now(),
    ) {
        let done = list.clone().decide(&batch, now);
        let mut live = list.live();
        for met in walk(&list, &batch, &done) {
            let was_live = met.before.as_ref().is_some_and(|before| !before.deleted());
            if let Some(after) = applied(met.outcome) {
                live = live + u32::from(!after.deleted()) - u32::from(was_live);
                prop_assert!(was_live || after.deleted() || live <= batch.quota);
            }
            if let Outcome::Rejected(Rejection::Quota { limit }) = met.outcome {
                prop_assert_eq!(*limit, batch.quota);
                prop_assert!(live >= batch.quota, "there was room");
            }
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
        let after = (apart.todos.clone(), apart.position.clone());
        let again = apart.decide(&once, at(later));
        prop_assert!(in_place(&again.outcomes()[0]));
        prop_assert_eq!(&(apart.todos, apart.position), &after);

        let both = together.decide(&twice, now);
        prop_assert_eq!(&both.outcomes()[0], &first);
        prop_assert!(in_place(&both.outcomes()[1]));
        prop_assert_eq!((together.todos, together.position), after);
    }
}
