//! Laws about upserts that give back what the server lost.

use proptest::prelude::*;

use super::strategies::sent;
use super::{List, any, applied, at, batch, id, in_place, title, would_alter};
use crate::todo::{Base, EventKind, Field, Outcome, Rejection, Strategy as Rule, Todo, Upsert};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_todo_that_the_server_has_is_healed_only_by_what_is_in_place(
        todo in any::stored(1), base in any::base(), upsert in any::healing(), rule in any::rule(), now in any::now(),
    ) {
        let mut list = List::new(at(50), [todo.clone()]);
        let mut wanted = would_alter(&upsert, &todo);
        if upsert.deleted == Some(false) {
            // The todo is whole: it does not have the keys that it does not name.
            let keys = todo.metadata().entries().map(|(key, _)| key);
            let unnamed = keys.filter(|key| !upsert.edit.metadata.contains_key(*key));
            wanted.extend(unnamed.cloned().map(Field::Metadata));
            wanted.sort_unstable();
        }
        match list.one(rule, sent(base, upsert), now) {
            Outcome::Unchanged { .. } => prop_assert!(wanted.is_empty()),
            Outcome::Conflict(conflict) => {
                prop_assert!(!conflict.server_wins && conflict.applied.is_none());
                prop_assert_eq!((&conflict.fields, conflict.fields.is_empty()), (&wanted, false));
            }
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert_eq!(&list.todos[&id(1)], &todo);
    }

    #[test]
    fn a_lost_todo_comes_back_and_a_lost_deletion_as_a_tombstone_without_texts(
        base in any::base(), mut upsert in any::healing(), rule in any::rule(), now in any::now(),
    ) {
        upsert.edit.title.get_or_insert(title("oil"));
        let mut list = List::new(at(50), []);
        let outcome = list.one(rule, sent(base, upsert.clone()), now);
        let Outcome::Applied { todo, event, .. } = &outcome else { panic!("{outcome:?}") };
        let deleted = upsert.deleted == Some(true);
        prop_assert_eq!((todo.version(), todo.deleted(), todo.is_shrunk()), (1, deleted, deleted));
        prop_assert_eq!(*event, if deleted { EventKind::Deleted } else { EventKind::Created });
        if deleted {
            prop_assert_eq!(&any::shrunk_from(Todo::clone(todo)), &**todo);
        } else {
            prop_assert!(would_alter(&upsert, todo).is_empty());
        }
    }

    #[test]
    fn healing_twice_or_from_two_devices_is_healing_once(
        mut upsert in any::healing(), rules in [any::rule(), any::rule()], bases in [any::base(), any::base()],
        now in any::now(), together: bool,
    ) {
        upsert.edit.title.get_or_insert(title("oil"));
        let [first, second] = bases.map(|base| sent(base, upsert.clone()));
        let mut list = List::new(at(50), []);
        let outcome = if together {
            list.decide(&batch(rules[0], vec![first, second]), now).outcomes()[1].clone()
        } else {
            list.one(rules[0], first, now);
            list.one(rules[1], second, now)
        };
        prop_assert!(in_place(&outcome), "{outcome:?}");
        prop_assert_eq!(list.todos[&id(1)].version(), 1);
    }

    #[test]
    fn what_the_user_did_since_follows_in_the_same_request(
        mut upsert in any::healing(), edit in any::upsert(), rule in any::rule(), now in any::now(),
    ) {
        upsert.edit.title.get_or_insert(title("oil"));
        upsert.deleted = None;
        let edit = Upsert { updated_at: Some(now), ..edit };
        let changes = [upsert, edit].map(|upsert| sent(Base::Version(0), upsert));
        let mut list = List::new(at(50), []);
        for _ in 0..2 {
            let done = list.decide(&batch(rule, changes.to_vec()), now);
            prop_assert!(done.outcomes().iter().all(Outcome::succeeded), "{:#?}", done.outcomes());
        }
    }
}

#[test]
fn a_live_todo_without_a_text_cannot_come_back() {
    let mut list = List::new(at(50), []);
    let textless = Upsert { healing: true, ..Upsert::default() };
    let outcome = list.one(Rule::Manual, sent(Base::Version(0), textless), at(60));
    assert_eq!(outcome, Outcome::Rejected(Rejection::TitleRequired));
    assert_eq!(applied(&outcome), None);
}
