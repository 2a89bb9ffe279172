//! Creations, and requests that name one todo more than once.

use super::*;

#[test]
fn an_unknown_id_is_a_creation_whatever_its_version() {
    for (base, strategy) in [
        (Base::Unknown, Strategy::Manual),
        (Base::Version(0), Strategy::Merge),
        (Base::Version(-3), Strategy::LastWriteWins),
        (Base::Version(7), Strategy::ClientWins),
    ] {
        let new = Upsert { updated_at: Some(at(NOW)), ..text("milk") };
        let mut list = List::new(at(50), []);
        let Outcome::Applied { todo, client_is_current, .. } =
            list.one(strategy, change(id(1), base, Action::Upsert(new)), at(NOW))
        else {
            panic!("{base:?} is refused");
        };
        assert_eq!((todo.version(), todo.title().as_str(), client_is_current), (1, "milk", true));
    }
}

#[test]
fn a_device_is_not_current_if_the_server_altered_what_it_sent() {
    // The stamp is NOW.
    let since = |micros: i64| Some(at(NOW + micros));
    for (sent, knows) in [
        (text("milk"), true),
        (Upsert { normalised: true, ..text("milk") }, false),
        (Upsert { created_at: since(-5_000_000), ..text("milk") }, true),
        (Upsert { created_at: since(1_000_000), ..text("milk") }, false),
    ] {
        let mut list = List::new(at(50), []);
        let send = change(id(1), Base::Version(0), Action::Upsert(sent));
        let outcome = list.one(Strategy::Manual, send.clone(), at(NOW));
        let Outcome::Applied { client_is_current, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(client_is_current, knows, "{send:?}");
    }
}

#[test]
fn an_instant_truncated_to_milliseconds_is_equal() {
    let created = at(1_767_952_800_274_944);
    let todo = List::new(at(50), []).one(
        Strategy::Manual,
        change(id(1), Base::Version(0), Action::Upsert(text("milk"))),
        created,
    );
    let Outcome::Applied { todo, .. } = todo else { panic!("{todo:?}") };
    for (micros, same) in [(944, true), (0, true), (999, true), (-1, false), (1000, false)] {
        let created_at = at(1_767_952_800_274_000 + micros);
        let sent = Upsert { created_at: Some(created_at), ..text("milk") };
        assert_eq!(sent.is_verbatim(&todo), same, "{micros}");
    }
}

#[test]
fn the_deletion_of_an_unknown_id_succeeds_and_stores_nothing() {
    let mut list = List::new(at(50), []);
    let done = list.decide(
        &batch(Strategy::Manual, vec![change(id(1), Base::Version(3), Action::Upsert(delete()))]),
        at(NOW),
    );
    assert!(matches!(done.outcomes(), [Outcome::Unchanged { todo: None, client_is_current: true }]));
    assert!(list.todos.is_empty() && done.events.is_empty());
}

#[test]
fn a_creation_without_a_required_field_is_rejected() {
    let mut list = List::new(at(50), []);
    let textless = |strategy, upsert| change_of(&mut list.clone(), strategy, upsert);
    assert_eq!(textless(Strategy::Manual, done()), "Rejected(TitleRequired)");
    assert_eq!(textless(Strategy::LastWriteWins, text("milk")), "Rejected(UpdatedAtRequired)");
    assert_eq!(change_of(&mut list, Strategy::Manual, text("milk")), "Applied");
}

fn change_of(list: &mut List, strategy: Strategy, upsert: Upsert) -> String {
    match list.one(strategy, change(id(1), Base::Unknown, Action::Upsert(upsert)), at(NOW)) {
        Outcome::Applied { .. } => "Applied".into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn two_changes_of_one_todo_in_one_request_conflict_with_others_only() {
    let twice = |strategy, first: Upsert, second: Upsert| {
        let mut list = List::new(at(50), []);
        list.one(strategy, change(id(1), Base::Unknown, Action::Upsert(dated(text("milk")))), at(CREATED));
        list.one(strategy, change(id(1), Base::Current, Action::Upsert(dated(text("bread")))), at(THEIRS));
        let ours = [first, second].map(|ours| change(id(1), Base::Version(1), Action::Upsert(dated(ours))));
        let done = list.decide(&batch(strategy, ours.to_vec()), at(NOW));
        let kinds = done.outcomes().iter().map(|outcome| match outcome {
            Outcome::Applied { .. } => "applied",
            Outcome::Conflict(_) => "conflict",
            _ => "other",
        });
        let text = list.todos[&id(1)].title().as_str().to_owned();
        (kinds.collect::<Vec<_>>(), text)
    };
    let merge = Strategy::Merge;
    assert_eq!(twice(Strategy::Manual, done(), notes("two")), (vec!["conflict", "conflict"], "bread".into()));
    assert_eq!(twice(merge, done(), notes("two")), (vec!["applied", "applied"], "bread".into()));
    assert_eq!(twice(merge, done(), text("salt")), (vec!["applied", "conflict"], "bread".into()));
    assert_eq!(twice(merge, done(), delete()), (vec!["applied", "conflict"], "bread".into()));
    for strategy in [Strategy::LastWriteWins, Strategy::ClientWins] {
        assert_eq!(twice(strategy, text("salt"), text("oil")), (vec!["applied", "applied"], "oil".into()));
    }
}

#[test]
fn a_base_of_long_ago_stays_one_for_every_change_of_a_request() {
    let mut list = List::new(at(50), []);
    for (base, theirs, now) in [
        (Base::Unknown, text("milk"), CREATED),
        (Base::Version(1), notes("two"), THEIRS),
        (Base::Version(2), done(), 150),
    ] {
        list.one(Strategy::Merge, change(id(1), base, Action::Upsert(theirs)), at(now));
    }
    let undone = upsert(Edit { completed: Some(false), ..Edit::default() }, None);
    let ours = [(3, undone), (1, text("salt")), (1, notes("three"))];
    let ours = ours.map(|(base, ours)| change(id(1), Base::Version(base), Action::Upsert(ours)));
    let done = list.decide(&batch(Strategy::Merge, ours.to_vec()), at(NOW));
    let Outcome::Conflict(conflict) = &done.outcomes()[2] else { panic!("{done:?}") };
    assert_eq!(conflict.fields, [Field::Description]);
}

#[test]
fn a_creation_sent_again_does_not_know_that_a_key_it_sets_was_removed() {
    let mut list = List::new(at(50), []);
    for (theirs, now) in [(text("milk"), CREATED), (with_due(Some("1")), THEIRS), (with_due(None), LATER)] {
        list.one(Strategy::Merge, change(id(1), Base::Current, Action::Upsert(theirs)), at(now));
    }
    let creation = and_text(with_due(Some("2")), "milk");
    let ours = [creation, with_due(Some("2"))];
    let ours = ours.map(|ours| change(id(1), Base::Unknown, Action::Upsert(ours)));
    let done = list.decide(&batch(Strategy::Merge, ours.to_vec()), at(NOW));
    let Outcome::Conflict(conflict) = &done.outcomes()[1] else { panic!("{done:?}") };
    assert_eq!(conflict.fields, [Field::Metadata(key("due"))]);
}

fn dated(upsert: Upsert) -> Upsert {
    Upsert { updated_at: Some(at(NOW)), ..upsert }
}
