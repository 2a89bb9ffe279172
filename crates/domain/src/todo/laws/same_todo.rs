//! Laws about several changes of one todo in one request.

use proptest::prelude::*;

use super::uploads::{sent, uploads, values};
use super::{
    List, Step, any, applied, at, batch, change, differing, fields as all_fields, id, in_place, named,
    named_otherwise, replay, titled, upsert,
};
use crate::time::Stamp;
use crate::todo::{Action, Base, Batch, Edit, Field, Outcome, StorageLimits, Strategy as Rule, Todo, Upsert};

/// The fields whose current values the change names, which shows that its device knows them. If the
/// change has no base and altered nothing, it may be a creation whose answer was lost; then the
/// fields that it left out, and that nothing set since, are included. A merge knows this from a
/// refused change too.
fn shown_to_know(step: &Step<'_>) -> Vec<Field> {
    let Action::Upsert(sent) = &step.change.action else { panic!("devices send upserts") };
    let (todo, may_create) = match (step.outcome, applied(step.outcome)) {
        (Outcome::Unchanged { todo: Some(todo), .. }, _) => (&**todo, true),
        (_, Some(todo)) => (todo, false),
        (Outcome::Conflict(refused), _) if refused.strategy == Rule::Merge => {
            (&*refused.current, sent.edit.title.as_ref() == Some(refused.current.title()))
        }
        _ => return Vec::new(),
    };
    let differing = named_otherwise(sent, todo);
    let mut fields = named(&step.change.action);
    fields.retain(|field| !differing.contains(field));
    let no_base = !matches!(step.change.base, Base::Version(base) if (1..=todo.version()).contains(&base));
    if sent.edit.title.is_some() && may_create && no_base {
        let named = named(&step.change.action);
        let is_initial = |field: &Field| match field {
            _ if todo.version_of(field) > 1 => false,
            Field::Title => false,
            Field::Description => todo.description().is_none(),
            Field::Completed => !todo.completed(),
            Field::Deleted => !todo.deleted(),
            Field::Metadata(key) => todo.metadata().get(key.as_str()).is_none(),
        };
        fields.extend(all_fields().into_iter().filter(|field| !named.contains(field) && is_initial(field)));
    }
    fields
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_later_change_of_the_same_todo_is_decided_on_top_of_the_earlier_one(
        todo in prop::option::of(any::stored(1)),
        uploads in uploads(),
        base in 0..7i64,
        rule in any::rule(),
        now in any::now(),
    ) {
        let base = Base::Version(todo.as_ref().map_or(base, Todo::version));
        let (mut together, mut apart) = (List::new(at(50), todo.clone()), List::new(at(50), todo));
        let done = together.decide(&batch(rule, sent(base, &uploads)), now);
        let mut rejected = false;
        for change in sent(Base::Current, &uploads) {
            let deletes = matches!(&change.action, Action::Upsert(sent) if sent.deleted == Some(true));
            if deletes || !rejected {
                rejected |= matches!(apart.one(rule, change, now), Outcome::Rejected(_));
            }
        }
        let conflict = done.outcomes().iter().find(|outcome| matches!(outcome, Outcome::Conflict(_)));
        prop_assert_eq!(conflict, None, "a device is never in conflict with itself");
        prop_assert_eq!(values(&together), values(&apart));
        prop_assert_eq!(together.row, apart.row);
    }

    #[test]
    fn a_change_after_a_rejected_one_of_the_same_todo_is_rejected_with_it(
        mut uploads in uploads(),
        other in any::upsert(),
        rule in any::rule(),
        now in any::now(),
    ) {
        uploads[0].edit.title = None;
        (uploads[0].deleted, uploads[0].healing) = (None, false);
        let mut changes = sent(Base::Version(0), &uploads);
        changes.push(change(id(2), Base::Version(0), Action::Upsert(other)));
        let mut list = List::new(at(50), []);
        let done = list.decide(&batch(rule, changes.clone()), now);
        let mut alone = List::new(at(50), []);
        let expected = alone.one(rule, changes.pop().expect("a change"), now);
        let (last, first) = done.outcomes().split_last().expect("outcomes");
        prop_assert_eq!(in_place(last), in_place(&expected), "another todo is decided by itself");
        for (upload, outcome) in uploads.iter().zip(first) {
            let deletes = upload.deleted == Some(true);
            prop_assert!(deletes || matches!(outcome, Outcome::Rejected(_)), "{outcome:#?}");
        }
    }

    #[test]
    fn manual_and_merge_overwrite_only_values_that_the_device_knew(
        todo in any::stored(1),
        changes in prop::collection::vec((any::base(), any::upsert()), 1..6),
        merge: bool,
        now in any::now(),
    ) {
        let rule = if merge { Rule::Merge } else { Rule::Manual };
        let changes = changes.into_iter().map(|(base, sent)| change(id(1), base, Action::Upsert(sent)));
        let batch = batch(rule, changes.collect());
        let list = List::new(at(50), [todo.clone()]);
        let done = list.clone().decide(&batch, now);
        let mut shown = Vec::new();
        for step in replay(&list, &batch, &done) {
            let shown_before = shown.clone();
            shown.extend(shown_to_know(&step));
            let Some((before, after)) = step.altered() else { continue };
            let Base::Version(base) = step.change.base else { continue };
            let on_top = !shown_before.is_empty();
            prop_assert!(merge || on_top || base >= todo.version(), "manual accepted a stale change");
            for field in differing(before, after) {
                let changed_at = before.version_of(&field);
                let own = changed_at > todo.version() || shown_before.contains(&field);
                let revived = field == Field::Deleted && before.deleted();
                prop_assert!(own || changed_at <= base || revived, "{field:?} is overwritten");
            }
        }
    }

    #[test]
    fn last_write_wins_compares_each_change_with_the_last_write_of_another_batch(
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
        let mut shown = Vec::new();
        for step in replay(&list, &batch, &done) {
            let on_top = !shown.is_empty();
            shown.extend(shown_to_know(&step));
            let Action::Upsert(sent) = &step.change.action else { continue };
            let later = sent.updated_at.is_some_and(|time| time.min(now) > todo.updated_at());
            let wins = later || step.change.base == Base::Version(todo.version());
            match step.outcome {
                Outcome::Applied { .. } => prop_assert!(wins || on_top),
                Outcome::Conflict(_) => prop_assert!(!wins),
                other => prop_assert!(in_place(other)),
            }
        }
    }
}

#[test]
fn two_changes_of_one_todo_in_one_batch_have_two_outcomes() {
    let mut list = List::new(at(50), []);
    let milk = sent(Base::Version(0), &[upsert(titled("milk"), None)]);
    let bread = sent(Base::Version(0), &[upsert(titled("bread"), None)]);
    let done = list.decide(&batch(Rule::Manual, [milk, bread].concat()), at(60));
    let versions: Vec<_> = done.outcomes().iter().filter_map(applied).map(Todo::version).collect();
    assert_eq!(versions, [1, 2]);
}

/// The last change is in place, but will be rejected with the first. So nothing replaced what the
/// deletion does.
#[test]
fn a_deletion_after_a_rejected_change_is_not_taken_for_one_that_was_applied_before() {
    let mut list = List::new(at(50), []);
    for title in ["milk", "oil"] {
        list.one(
            Rule::Manual,
            change(id(1), Base::Current, Action::Upsert(upsert(titled(title), None))),
            at(60),
        );
    }
    let deleted = |deleted| upsert(Edit::default(), Some(deleted));
    let uploads = [upsert(titled("a title beyond the quota"), None), deleted(true), deleted(false)];
    let limits = StorageLimits { bytes: 0, ..StorageLimits::default() };
    let request = Batch { limits, ..batch(Rule::ClientWins, sent(Base::Version(1), &uploads)) };
    let done = list.decide(&request, at(70));
    let [Outcome::Rejected(_), Outcome::Applied { todo, .. }, Outcome::Rejected(_)] = done.outcomes() else {
        panic!("{:#?}", done.outcomes())
    };
    assert!(todo.deleted());
}
