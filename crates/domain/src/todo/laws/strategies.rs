//! Laws of each strategy about a change whose base is not the current version.

use proptest::prelude::*;

use super::{List, any, applied, at, batch, change, differing, id, in_place, upsert, would_alter};
use crate::time::Stamp;
use crate::todo::{Action, Base, Change, Edit, Outcome, Strategy as Rule, Todo, Upsert};

pub(super) fn sent(base: Base, upsert: Upsert) -> Change {
    change(id(1), base, Action::Upsert(upsert))
}

/// The outcome of `upsert`, sent alone for `todo`.
pub(super) fn outcome(todo: &Todo, rule: Rule, base: Base, upsert: &Upsert, now: Stamp) -> Outcome {
    List::new(at(50), [todo.clone()]).one(rule, sent(base, upsert.clone()), now)
}

pub(super) fn dated(mut upsert: Upsert, updated_at: Stamp) -> Upsert {
    upsert.updated_at = Some(updated_at);
    upsert
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_impossible_base_is_a_conflict_under_every_strategy_unless_the_effect_is_in_place(
        todo in any::todo(1),
        sent in (any::upsert(), any::device_time()).prop_map(|(upsert, time)| dated(upsert, time)),
        rule in any::rule(),
        now in any::now(),
        off in 0..4i64,
        ahead: bool,
    ) {
        let base = if ahead { todo.version() + 1 + off } else { -off };
        let differing = would_alter(&sent, &todo);
        match outcome(&todo, rule, Base::Version(base), &sent, now) {
            Outcome::Unchanged { .. } => prop_assert!(differing.is_empty()),
            Outcome::Conflict(conflict) => {
                prop_assert!(!differing.is_empty());
                prop_assert_eq!((conflict.fields, conflict.base), (differing, Some(base)));
                prop_assert!(!conflict.server_wins);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_change_of_the_current_version_applies_under_every_strategy(
        todo in any::todo(1),
        sent in (any::upsert(), any::device_time()).prop_map(|(upsert, time)| dated(upsert, time)),
        rule in any::rule(),
        now in any::now(),
    ) {
        let wanted = would_alter(&sent, &todo);
        let outcome = outcome(&todo, rule, Base::Version(todo.version()), &sent, now);
        match applied(&outcome) {
            Some(after) => prop_assert_eq!(differing(&todo, after), wanted),
            None => prop_assert!(wanted.is_empty() && in_place(&outcome)),
        }
    }

    #[test]
    fn a_change_whose_effect_is_in_place_succeeds_whatever_its_base(
        todo in any::todo(1), base in any::base(), rule in any::rule(), now in any::now(), part in any::edit(),
    ) {
        let held = Edit {
            title: part.title.map(|_| todo.title().clone()),
            description: part.description.map(|_| todo.description().cloned()),
            completed: part.completed.map(|_| todo.completed()),
            metadata: part.metadata.into_keys().map(|key| (key.clone(), todo.metadata().get(key.as_str()).cloned())).collect(),
        };
        let sent = dated(upsert(held, Some(todo.deleted())), at(0));
        let outcome = outcome(&todo, rule, base, &sent, now);
        prop_assert!(in_place(&outcome), "{outcome:?}");
    }

    #[test]
    fn manual_refuses_every_stale_change(
        todo in any::todo(1), sent in any::upsert(), now in any::now(), behind in 1..6i64,
    ) {
        let base = todo.version() - behind;
        let wanted = would_alter(&sent, &todo);
        for base in [Base::Version(base), Base::Unknown] {
            match outcome(&todo, Rule::Manual, base, &sent, now) {
                Outcome::Unchanged { .. } => prop_assert!(wanted.is_empty()),
                Outcome::Conflict(conflict) => {
                    prop_assert_eq!((&conflict.fields, conflict.server_wins), (&wanted, false));
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn client_wins_accepts_every_stale_change(
        todo in any::todo(1), sent in any::upsert(), now in any::now(), base in 1..6i64,
    ) {
        let wanted = would_alter(&sent, &todo);
        let bases = [Base::Unknown, Base::Version(base.min(todo.version()))];
        for base in bases {
            let outcome = outcome(&todo, Rule::ClientWins, base, &sent, now);
            match applied(&outcome) {
                Some(after) => prop_assert!(would_alter(&sent, after).is_empty()),
                None => prop_assert!(wanted.is_empty() && in_place(&outcome)),
            }
        }
    }

    #[test]
    fn last_write_wins_compares_clocks_and_caps_a_future_one_at_now(
        todo in any::todo(1),
        stale in any::upsert(),
        time in any::device_time(),
        now in any::now(),
        base in 1..6i64,
    ) {
        prop_assume!(todo.version() > 1);
        let base = base.min(todo.version() - 1);
        let sent = dated(stale, time);
        let wanted = would_alter(&sent, &todo);
        let later = time.min(now) > todo.updated_at();
        match outcome(&todo, Rule::LastWriteWins, Base::Version(base), &sent, now) {
            Outcome::Unchanged { .. } => prop_assert!(wanted.is_empty()),
            Outcome::Applied { todo: after, .. } => {
                prop_assert!(later && would_alter(&sent, &after).is_empty());
            }
            Outcome::Conflict(conflict) => {
                prop_assert!(!later);
                prop_assert_eq!((conflict.fields, conflict.server_wins), (wanted, true));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn last_write_wins_rejects_an_upsert_without_updated_at(
        list in any::list(), change in any::change_by(any::upsert().prop_map(Action::Upsert)), now in any::now(),
    ) {
        let Action::Upsert(mut upsert) = change.action.clone() else { return Ok(()) };
        upsert.updated_at = None;
        let outcome = list.clone().one(
            Rule::LastWriteWins,
            Change { action: Action::Upsert(upsert), ..change },
            now,
        );
        prop_assert!(matches!(outcome, Outcome::Rejected(_)));
    }

    #[test]
    fn an_accepted_edit_restores_a_todo_that_was_deleted_since_its_base(
        todo in any::todo(1), edit in any::edit(), rule in any::rule(), now in any::now(), base in 1..6i64,
    ) {
        let base = base.min(todo.version());
        let sent = dated(upsert(edit, None), now);
        if let Outcome::Applied { todo: after, .. } = outcome(&todo, rule, Base::Version(base), &sent, now) {
            let deleted_since = todo.versions().deleted > base;
            prop_assert_eq!(after.deleted(), todo.deleted() && !deleted_since);
        }
    }

    #[test]
    fn a_conflict_shows_the_servers_todo_and_writes_only_what_it_says_it_applied(
        todo in any::todo(1), sent in any::upsert(), base in any::base(), rule in any::rule(), now in any::now(),
    ) {
        let mut list = List::new(at(50), [todo.clone()]);
        let before = list.todos.clone();
        let done = list.decide(&batch(rule, vec![change(id(1), base, Action::Upsert(sent.clone()))]), now);
        if let Outcome::Conflict(conflict) = &done.outcomes()[0] {
            let wanted = would_alter(&sent, &todo);
            prop_assert!(conflict.fields.iter().all(|field| wanted.contains(field)));
            let Some(part) = &conflict.applied else {
                prop_assert_eq!(&*conflict.current, &todo);
                prop_assert_eq!((&list.todos, list.row.clock), (&before, at(50)));
                return Ok(());
            };
            prop_assert_eq!((rule, conflict.server_wins), (Rule::Merge, false));
            let after = &list.todos[&id(1)];
            prop_assert_eq!(&*conflict.current, after);
            let left = would_alter(&sent, after);
            prop_assert!(conflict.fields.iter().all(|field| left.contains(field)));
            prop_assert!(part.fields.iter().all(|field| wanted.contains(field) && !left.contains(field)));
        }
    }
}
