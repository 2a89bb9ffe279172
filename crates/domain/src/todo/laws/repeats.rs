//! Laws about the same todo again in one request, and about the same request again.

use proptest::prelude::*;

use super::{
    List, Step, any, applied, at, batch, change, differing, fields as all_fields, id, in_place, key, named,
    named_otherwise, replay, title, titled, upsert, value,
};
use crate::time::Stamp;
use crate::todo::{
    Action, Base, Batch, Change, Edit, Field, MetadataValue, Outcome, StorageLimits, Strategy as Rule, Todo,
    Upsert,
};

/// Uploads of one todo in the order in which a device made them, by a clock that never goes back.
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

fn values(list: &List) -> Vec<Vec<String>> {
    let of = |todo| all_fields().iter().map(|field| value(todo, field)).collect();
    list.todos.values().map(of).collect()
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

#[test]
fn two_changes_of_one_todo_in_one_batch_have_two_outcomes() {
    let mut list = List::new(at(50), []);
    let milk = sent(Base::Version(0), &[upsert(titled("milk"), None)]);
    let bread = sent(Base::Version(0), &[upsert(titled("bread"), None)]);
    let done = list.decide(&batch(Rule::Manual, [milk, bread].concat()), at(60));
    let versions: Vec<_> = done.outcomes().iter().filter_map(applied).map(Todo::version).collect();
    assert_eq!(versions, [1, 2]);
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
