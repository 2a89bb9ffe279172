//! Laws about the same request again.

use proptest::prelude::*;

use super::uploads::{sent, uploads, values};
use super::{List, any, applied, at, batch, change, id, in_place, key, title, titled, upsert};
use crate::todo::{Action, Base, Change, Edit, MetadataValue, Outcome, Strategy as Rule};

/// What a device gets of which each request repeats what was not answered, and adds to it: of
/// `changes`, as many as `arrived` says, and in the end all.
fn repeated_with_more(
    changes: &[Change],
    arrived: Vec<usize>,
    mut decide: impl FnMut(&[Change]) -> Vec<Outcome>,
) -> Vec<Outcome> {
    let (mut outcomes, mut known) = (Vec::new(), 0);
    for count in arrived.into_iter().chain([changes.len()]) {
        known = count.min(changes.len()).max(known);
        outcomes.extend(decide(&changes[..known]));
    }
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_device_alone_never_sees_a_conflict_whatever_answers_it_loses(
        todo in prop::option::of(any::todo(1)),
        mut uploads in uploads(),
        arrived in prop::collection::vec(1..5usize, 0..4),
        base in prop::option::of(0..7i64),
        rule in any::rule(),
        now in any::now(),
    ) {
        // A user who deletes a todo does not edit it in the same step.
        for upload in uploads.iter_mut().filter(|upload| upload.deleted == Some(true)) {
            upload.edit = Edit::default();
        }
        // The device names the version that it holds. It holds none of a todo that it creates.
        let base = match (&todo, base) {
            (Some(todo), _) => Base::Version(todo.version()),
            (None, Some(base)) => Base::Version(base),
            (None, None) => Base::Unknown,
        };
        if todo.is_none() {
            uploads[0].edit.title.get_or_insert(title("oil"));
            uploads[0].deleted = None;
        }
        let mut list = List::new(at(50), todo);
        let together = |changes: &[Change]| {
            list.decide(&batch(rule, changes.to_vec()), now).outcomes().to_vec()
        };
        let outcomes = repeated_with_more(&sent(base, &uploads), arrived, together);
        prop_assert!(outcomes.iter().all(Outcome::succeeded), "{outcomes:#?}");
    }

    /// A batch is stored as a whole. So a late copy of one that was accepted finds everything that
    /// it asks for in place, or changed since, and alters nothing.
    #[test]
    fn a_late_copy_of_a_request_alters_nothing(
        todo in prop::option::of(any::todo(1)),
        mut uploads in uploads(),
        later in prop::collection::vec(any::upsert(), 0..4),
        base in prop::option::of(0..2i64),
        merge: bool,
        now in any::now(),
    ) {
        let rule = if merge { Rule::Merge } else { Rule::Manual };
        let base = match (&todo, base) {
            (Some(todo), _) => Base::Version(todo.version()),
            (None, Some(base)) => Base::Version(base),
            (None, None) => Base::Unknown,
        };
        if todo.is_none() {
            uploads[0].edit.title.get_or_insert(title("oil"));
        }
        let request = batch(rule, sent(base, &uploads));
        let mut list = List::new(at(50), todo);
        // A change that alters nothing leaves no version by which a copy is told from the original.
        let done = list.decide(&request, now);
        prop_assume!(done.outcomes().iter().all(|outcome| applied(outcome).is_some()));
        for upload in later {
            list.one(rule, change(id(1), Base::Current, Action::Upsert(upload)), now);
        }
        let before = values(&list);
        let copy = list.decide(&request, now);
        prop_assert_eq!(values(&list), before, "{:#?}", copy.outcomes());
    }

    #[test]
    fn sending_a_request_twice_has_the_effect_of_sending_it_once(
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
        // A device does not edit a todo that it deleted.
        let end = uploads.iter().position(|upload| upload.deleted == Some(true));
        uploads.truncate(end.map_or(uploads.len(), |end| end + 1));
        // A device that holds no version of the todo names 0 or 1.
        let held = |base: i64| todo.as_ref().map_or(base.min(1), |todo| base.clamp(1, todo.version()));
        let base = base.map_or(Base::Unknown, |base| Base::Version(held(base)));
        let batch = batch(rule, sent(base, &uploads));
        let mut list = List::new(at(50), todo);
        // If the clock is behind the last stamp, a device time can count later that did not count
        // before.
        let now = now.max(list.row.clock);
        list.decide(&batch, now);
        let once = values(&list);
        list.decide(&batch, later.max(now));
        prop_assert_eq!(values(&list), once);
    }
}

/// The law of the device alone can fail: without what the earlier changes of a request show, a
/// device is in conflict with itself.
#[test]
fn a_device_alone_sees_conflicts_where_each_change_is_decided_by_itself() {
    let texts = |texts: [&str; 2]| texts.map(|text| upsert(titled(text), None));
    let created = |rule| {
        let mut list = List::new(at(50), []);
        list.one(rule, sent(Base::Version(0), &texts(["milk", "milk"])).remove(0), at(60));
        list
    };
    let conflicts = |outcomes: Vec<Outcome>| outcomes.iter().any(|one| matches!(one, Outcome::Conflict(_)));
    for rule in [Rule::Manual, Rule::Merge] {
        for (list, base, uploads, arrived) in [
            (created(rule), 1, texts(["milk and bread", "milk, bread, eggs"]), vec![1]),
            (created(rule), 1, texts(["milk and bread", "milk, bread, eggs"]), vec![]),
            (List::new(at(50), []), 0, texts(["milk", "milk and bread"]), vec![1]),
        ] {
            let changes = sent(Base::Version(base), &uploads);
            let mut apart = list.clone();
            let by_themselves = |changes: &[Change]| {
                changes.iter().map(|change| apart.one(rule, change.clone(), at(70))).collect()
            };
            assert!(conflicts(repeated_with_more(&changes, arrived.clone(), by_themselves)));
            let mut list = list;
            let together =
                |changes: &[Change]| list.decide(&batch(rule, changes.to_vec()), at(70)).outcomes().to_vec();
            assert!(!conflicts(repeated_with_more(&changes, arrived, together)));
        }
    }
}

/// The creation and the completion of one request arrive, another device takes the completion back,
/// and then a copy of the request arrives late.
#[test]
fn a_late_copy_of_a_creation_does_not_know_that_a_value_is_initial_again() {
    let completed = |completed| upsert(Edit { completed: Some(completed), ..Edit::default() }, None);
    let due = |due: Option<&str>| {
        let due = due.map(|due| MetadataValue::from_canonical(due).expect("a value"));
        upsert(Edit { metadata: [(key("due"), due)].into(), ..Edit::default() }, None)
    };
    for (rule, set, reset) in [
        (Rule::Manual, completed(true), completed(false)),
        (Rule::Manual, due(Some("1")), due(None)),
        (Rule::Merge, completed(true), completed(false)),
        (Rule::Merge, due(Some("1")), due(None)),
    ] {
        let request = batch(rule, sent(Base::Version(0), &[upsert(titled("milk"), None), set]));
        let mut list = List::new(at(50), []);
        list.decide(&request, at(60));
        list.one(rule, change(id(1), Base::Version(2), Action::Upsert(reset)), at(70));
        let before = values(&list);
        let copy = list.decide(&request, at(80));
        assert!(in_place(&copy.outcomes()[0]), "{:#?}", copy.outcomes());
        assert!(matches!(copy.outcomes()[1], Outcome::Conflict(_)), "{:#?}", copy.outcomes());
        assert_eq!(values(&list), before);
    }
}

/// Nothing in the request deletes the todo as it is now: another deletion did.
#[test]
fn a_late_copy_of_a_deletion_and_a_restoration_does_not_undo_a_later_deletion() {
    let deleted = |deleted| upsert(Edit::default(), Some(deleted));
    for rule in [Rule::Manual, Rule::Merge] {
        let uploads = [upsert(titled("milk"), None), deleted(true), upsert(titled("milk"), Some(false))];
        let request = batch(rule, sent(Base::Version(0), &uploads));
        let mut list = List::new(at(50), []);
        list.decide(&request, at(60));
        list.one(rule, change(id(1), Base::Version(3), Action::Upsert(deleted(true))), at(70));
        let before = values(&list);
        let copy = list.decide(&request, at(80));
        assert!(matches!(copy.outcomes()[2], Outcome::Conflict(_)), "{:#?}", copy.outcomes());
        assert_eq!(values(&list), before);
    }
}
