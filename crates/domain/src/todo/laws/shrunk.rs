//! Laws about tombstones whose texts and metadata are no longer stored.

use std::sync::Arc;

use proptest::prelude::*;

use super::strategies::{dated, outcome, sent};
use super::{List, any, applied, at, change, id, in_place, titled, upsert, would_alter};
use crate::todo::{Action, Base, Field, NewTodo, Outcome, Rejection, Strategy as Rule};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_edit_that_does_not_know_of_the_deletion_is_a_conflict_under_every_strategy(
        todo in any::shrunk(1), upsert in any::upsert(), time in any::device_time(), rule in any::rule(),
        base in prop::option::of(1..6i64), now in any::now(),
    ) {
        let base = base.map(|base| base.min(todo.version()));
        prop_assume!(base.is_none_or(|base| base < todo.version_of(&Field::Deleted)));
        let upsert = dated(upsert, time);
        let wanted = would_alter(&upsert, &todo);
        match outcome(&todo, rule, base.map_or(Base::Unknown, Base::Version), &upsert, now) {
            Outcome::Unchanged { .. } => prop_assert!(wanted.is_empty()),
            Outcome::Conflict(conflict) => {
                prop_assert_eq!((&conflict.fields, &conflict.applied), (&wanted, &None));
                let is_older = rule == Rule::LastWriteWins && time.min(now) <= todo.updated_at();
                prop_assert_eq!(conflict.server_wins, is_older);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_device_that_knows_of_the_deletion_restores_with_a_text_only(
        todo in any::shrunk(1), upsert in any::upsert(), rule in any::rule(), now in any::now(),
    ) {
        let upsert = dated(upsert, now);
        let wanted = would_alter(&upsert, &todo);
        let restores = upsert.deleted == Some(false);
        let outcome = outcome(&todo, rule, Base::Version(todo.version()), &upsert, now);
        if restores && upsert.edit.title.is_none() {
            prop_assert_eq!(outcome, Outcome::Rejected(Rejection::TitleRequired));
        } else if let Some(after) = applied(&outcome) {
            prop_assert_eq!(after.deleted(), !restores);
            prop_assert!(would_alter(&upsert, after).is_empty());
        } else {
            prop_assert!(wanted.is_empty() && in_place(&outcome));
        }
    }

    #[test]
    fn a_merge_restores_with_a_text_or_not_at_all(
        todo in any::shrunk(1), upsert in any::upsert(), base in any::base(), now in any::now(),
    ) {
        let outcome = outcome(&todo, Rule::Merge, base, &upsert, now);
        if let Some(after) = applied(&outcome).filter(|after| !after.deleted()) {
            prop_assert_eq!(Some(after.title()), upsert.edit.title.as_ref());
        }
        if outcome == Outcome::Rejected(Rejection::TitleRequired) {
            prop_assert_eq!((upsert.deleted, upsert.edit.title), (Some(false), None));
        }
    }

    #[test]
    fn a_shrunk_tombstone_is_neither_restored_nor_created_by_its_id(
        todo in any::shrunk(1), now in any::now(), text in "[a-z]",
    ) {
        let mut list = List::new(at(50), [todo]);
        let before = list.clone();
        let new = NewTodo::new(text.parse().expect("a title"));
        let in_use = Outcome::IdInUse(Arc::new(before.todos[&id(1)].clone()));
        for (action, expected) in [(Action::Restore, Outcome::TextGone), (Action::Create(new), in_use)] {
            let outcome = list.one(Rule::Manual, change(id(1), Base::Current, action), now);
            prop_assert_eq!(outcome, expected);
        }
        prop_assert!(in_place(&list.one(Rule::Manual, change(id(1), Base::Current, Action::Delete), now)));
        let whole = upsert(titled("x"), Some(true));
        prop_assert!(in_place(&list.one(Rule::Manual, sent(Base::Version(1), whole), now)));
        prop_assert_eq!(list.todos, before.todos);
    }
}
