//! Laws of [`merge`](Rule::Merge).

use proptest::prelude::*;

use super::strategies::{outcome, sent};
use super::{List, any, at, fields, id, named_by_edit, upsert, value, would_alter};
use crate::time::Stamp;
use crate::todo::{Base, Change, Edit, Field, MetadataKey, Outcome, Strategy as Rule, Todo};

/// The values that two changes leave, whichever of them comes first.
fn in_both_orders(todo: &Todo, a: &Change, b: &Change, now: Stamp) -> [Vec<String>; 2] {
    [[a, b], [b, a]].map(|order| {
        let mut list = List::new(at(50), [todo.clone()]);
        for change in order {
            list.one(Rule::Merge, change.clone(), now);
        }
        fields().iter().map(|field| value(&list.todos[&id(1)], field)).collect()
    })
}

/// Two edits without a field in common.
fn disjoint_edits() -> impl Strategy<Value = (Edit, Edit)> {
    (any::edit(), any::edit(), any::<[bool; 5]>()).prop_map(|(a, b, mine)| {
        let [title, description, completed, due, list] = mine;
        let is_mine = |key: &MetadataKey, mine| (if key.as_str() == "due" { due } else { list }) == mine;
        let part = |edit: Edit, mine: bool| Edit {
            title: edit.title.filter(|_| title == mine),
            description: edit.description.filter(|_| description == mine),
            completed: edit.completed.filter(|_| completed == mine),
            metadata: edit.metadata.into_iter().filter(|(key, _)| is_mine(key, mine)).collect(),
        };
        (part(a, true), part(b, false))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn merge_accepts_exactly_the_fields_that_did_not_change_since_the_base(
        todo in any::todo(1), edit in any::edit(), now in any::now(), base in 1..6i64,
    ) {
        let base = base.min(todo.version());
        let sent = upsert(edit, None);
        let wanted = would_alter(&sent, &todo);
        let both: Vec<_> =
            wanted.iter().filter(|field| todo.version_of(field) > base).cloned().collect();
        match outcome(&todo, Rule::Merge, Base::Version(base), &sent, now) {
            Outcome::Unchanged { .. } => prop_assert!(wanted.is_empty()),
            Outcome::Conflict(conflict) => {
                let rest: Vec<_> = wanted.iter().filter(|field| !both.contains(field)).cloned().collect();
                prop_assert!(!both.is_empty());
                prop_assert_eq!((conflict.fields, conflict.server_wins), (both, false));
                prop_assert_eq!(conflict.applied.map_or(Vec::new(), |part| part.fields), rest);
            }
            Outcome::Applied { todo: after, .. } => {
                prop_assert!(both.is_empty());
                prop_assert!(would_alter(&sent, &after).is_empty());
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn merge_refuses_a_deletion_of_a_todo_changed_since_its_base(
        todo in any::todo(1), now in any::now(), base in 1..6i64,
    ) {
        let base = base.min(todo.version());
        let sent = upsert(Edit::default(), Some(true));
        // A key that was removed since may be one of those whose versions are folded.
        let removed_since = todo.metadata().floor() > base;
        let changed = removed_since || fields().iter().any(|field| todo.version_of(field) > base);
        match outcome(&todo, Rule::Merge, Base::Version(base), &sent, now) {
            Outcome::Unchanged { .. } => prop_assert!(todo.deleted()),
            Outcome::Conflict(conflict) => {
                prop_assert_eq!(&conflict.fields, &[Field::Deleted]);
                prop_assert!(conflict.server_wins && changed && conflict.applied.is_none());
            }
            Outcome::Applied { todo: after, .. } => prop_assert!(after.deleted() && !changed),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn merged_edits_of_disjoint_fields_give_the_same_values_in_either_order(
        todo in any::todo(1), (a, b) in disjoint_edits(), bases in [1..6i64, 1..6i64], now in any::now(),
    ) {
        prop_assert!(named_by_edit(&a).iter().all(|field| !named_by_edit(&b).contains(field)));
        let [a_base, b_base] = bases.map(|base| Base::Version(base.min(todo.version())));
        let (a, b) = (sent(a_base, upsert(a, None)), sent(b_base, upsert(b, None)));
        let [one, other] = in_both_orders(&todo, &a, &b, now);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_merged_edit_and_a_deletion_or_restoration_give_the_same_values_in_either_order(
        todo in any::todo(1),
        edit in any::edit(),
        says_live: bool,
        deleted: bool,
        bases in [1..6i64, 1..6i64],
        now in any::now(),
    ) {
        let [a_base, b_base] = bases.map(|base| Base::Version(base.min(todo.version())));
        // A device that always sends whole todos says `deleted: false` with each edit.
        let says_live = says_live && deleted && !todo.deleted();
        let a = sent(a_base, upsert(edit, says_live.then_some(false)));
        let b = sent(b_base, upsert(Edit::default(), Some(deleted)));
        let [one, other] = in_both_orders(&todo, &a, &b, now);
        prop_assert_eq!(one, other);
    }
}
