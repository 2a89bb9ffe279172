//! One change, as a device sends it.

use domain::todo::{Base, Edit, MetadataKey, MetadataValue, Strategy, Todo, Upsert};

use super::{Case, case, change, completed, description, key, sync, text, title, uploads, whole};
use crate::todos::{self, NOW, UPDATED, at};

pub fn all() -> impl Iterator<Item = Case> {
    [stale(), other_bases(), restorations(), creations(), healing(), clocks(), sizes()].into_iter().flatten()
}

/// Changes against version 1, each under each strategy.
fn stale() -> Vec<Case> {
    let mut cases = Vec::new();
    for (state, todo) in todos::all().iter().filter(|(_, todo)| todo.version() > 1) {
        for (sent, upload) in uploads() {
            for strategy in Strategy::ALL {
                let name = format!("{state}; {sent} against version 1; {strategy}");
                let changes = vec![change(Base::Version(1), &upload)];
                cases.push(case(name, Some(todo), strategy, changes));
            }
            let older = Upsert { updated_at: Some(at(9)), ..upload };
            let name = format!("{state}; {sent} against version 1, older; last_write_wins");
            let changes = vec![change(Base::Version(1), &older)];
            cases.push(case(name, Some(todo), Strategy::LastWriteWins, changes));
        }
    }
    cases
}

/// Changes against the current version and one between, and some against one that can't be right or
/// none.
fn other_bases() -> Vec<Case> {
    let mut cases = Vec::new();
    // Offset after each round, so that no upload always meets the same strategy.
    let mut strategies = [0, 1, 2, 3, 1, 2, 3, 0, 2].map(|n| Strategy::ALL[n]).into_iter().cycle();
    for ((state, todo), first) in todos::all().into_iter().zip(0..) {
        let current = todo.version();
        let mut bases = vec![
            ("the current version", Base::Version(current), 2),
            ("a version ahead", Base::Version(current + 1), 4),
            ("version 0", Base::Version(0), 4),
            ("no version", Base::Unknown, 4),
        ];
        if current > 2 {
            bases.push(("version 2", Base::Version(2), 1));
        }
        for (against, base, step) in bases {
            for (sent, upload) in uploads().into_iter().skip(first % step).step_by(step) {
                let strategy = strategies.next().expect("endless");
                let name = format!("{state}; {sent} against {against}; {strategy}");
                cases.push(case(name, Some(&todo), strategy, vec![change(base, &upload)]));
            }
        }
    }
    cases
}

/// Restorations of tombstones that lost their texts, under each strategy.
fn restorations() -> Vec<Case> {
    let mut cases = Vec::new();
    for (state, todo) in todos::all().iter().filter(|(_, todo)| todo.is_shrunk()) {
        for (sent, upload) in uploads().into_iter().filter(|(_, upload)| upload.deleted == Some(false)) {
            for strategy in Strategy::ALL {
                let name = format!("{state}; {sent} by a device that knows of it; {strategy}");
                let changes = vec![change(Base::Version(todo.version()), &upload)];
                cases.push(case(name, Some(todo), strategy, changes));
            }
        }
    }
    cases
}

/// Changes of an id that the server does not know.
fn creations() -> Vec<Case> {
    let mut cases = Vec::new();
    let complete = Edit { completed: Some(true), ..text("milk") };
    let with_instants = |created_at, completed_at| Upsert {
        created_at: Some(created_at),
        completed_at: Some(completed_at),
        ..sync(complete.clone(), None)
    };
    let mut sent = uploads();
    sent.extend([
        ("description and text", sync(Edit { title: Some(title("milk")), ..description(Some("")) }, None)),
        ("instants of the past", with_instants(at(1), at(2))),
        ("instants of the future", with_instants(at(13), at(14))),
        ("completed_at without completed", Upsert { completed_at: Some(at(2)), ..sync(text("milk"), None) }),
        ("no updated_at", Upsert { updated_at: None, ..sync(text("milk"), None) }),
    ]);
    for (sent, upload) in sent {
        for strategy in [Strategy::Manual, Strategy::LastWriteWins] {
            let name = format!("unknown id; {sent}; {strategy}");
            cases.push(case(name, None, strategy, vec![change(Base::Unknown, &upload)]));
        }
    }
    for version in [-3, 0, 7] {
        let name = format!("unknown id; text against version {version}; merge");
        cases.push(case(
            name,
            None,
            Strategy::Merge,
            vec![change(Base::Version(version), &sync(text("milk"), None))],
        ));
    }
    cases
}

fn healing() -> Vec<Case> {
    let heals = |upsert: Upsert| Upsert { healing: true, updated_at: None, ..upsert };
    let mut strategies = [0, 1, 2, 3, 1, 2, 3, 0].map(|n| Strategy::ALL[n]).into_iter().cycle();
    let mut cases = Vec::new();
    let known = todos::all().into_iter().map(|(state, todo)| (state, Some(todo)));
    for (state, todo) in known.chain([("unknown id", None)]) {
        for (sent, upload) in [
            ("the whole todo", whole("milk", false)),
            ("the whole todo, with other values", whole("soy milk", false)),
            ("its tombstone", whole("milk", true)),
            ("no text", sync(completed(true), Some(false))),
        ] {
            let strategy = strategies.next().expect("endless");
            let name = format!("{state}; {sent}, healing; {strategy}");
            cases.push(case(name, todo.as_ref(), strategy, vec![change(Base::Version(0), &heals(upload))]));
        }
    }
    let upload = heals(whole("soy milk", false));
    for (state, todo) in todos::all() {
        let name = format!("{state}; the whole todo, with other values and no version, healing; merge");
        cases.push(case(name, Some(&todo), Strategy::Merge, vec![change(Base::Unknown, &upload)]));
    }
    cases
}

/// The clocks of devices and of the server.
fn clocks() -> Vec<Case> {
    let [_, (_, todo), ..] = &todos::all()[..] else { return Vec::new() };
    let lww = |name: &str, updated_at, now| Case {
        now,
        ..case(
            format!("text changed; text against version 1, {name}; last_write_wins"),
            Some(todo),
            Strategy::LastWriteWins,
            vec![change(Base::Version(1), &Upsert { updated_at, ..sync(text("soy milk"), None) })],
        )
    };
    let behind = Case {
        now: at(7),
        ..case(
            "created; text against the current version, the server's clock behind; manual".to_owned(),
            Some(&todos::all()[0].1),
            Strategy::Manual,
            vec![change(Base::Version(1), &sync(text("soy milk"), None))],
        )
    };
    let older = |strategy| {
        let sent = Upsert { updated_at: Some(at(9)), ..sync(completed(true), None) };
        let name = format!("text changed; completed against version 1, older; {strategy}");
        case(name, Some(todo), strategy, vec![change(Base::Version(1), &sent)])
    };
    vec![
        older(Strategy::Merge),
        older(Strategy::ClientWins),
        lww("without updated_at", None, NOW),
        lww("at the same instant", Some(UPDATED), NOW),
        lww("one microsecond later", Some(UPDATED.next()), NOW),
        lww("by a clock ahead of the server's", Some(at(23)), NOW),
        lww("by a clock ahead of a server that is behind", Some(at(23)), at(7)),
        behind,
    ]
}

/// A JSON string of this length, quotes included.
fn quoted(length: usize) -> String {
    format!("\"{}\"", "a".repeat(length - 2))
}

/// The limits of metadata.
fn sizes() -> Vec<Case> {
    let fifty = todos::full_of_metadata(50, "1");
    let bytes = todos::full_of_metadata(8, &quoted(1022));
    let long = quoted(2000);
    let manual = |name: &str, todo: Option<&Todo>, edit| {
        let base = todo.map_or(Base::Unknown, |todo| Base::Version(todo.version()));
        case(format!("{name}; manual"), todo, Strategy::Manual, vec![change(base, &sync(edit, None))])
    };
    let with = |values: usize| {
        let key = |n: usize| MetadataKey::parse(&n.to_string()).expect("a key");
        let value = Some(MetadataValue::from_canonical(&long).expect("a value"));
        Edit { metadata: (0..values).map(|n| (key(n), value.clone())).collect(), ..text("milk") }
    };
    vec![
        manual("50 keys; one more", Some(&fifty), key("due", Some("1"))),
        manual("50 keys; one of them again", Some(&fifty), key("07", Some("2"))),
        manual("50 keys; one of them removed", Some(&fifty), key("07", None)),
        manual("8,192 bytes; one byte more", Some(&bytes), key("07", Some(&quoted(1023)))),
        manual(
            "8,192 bytes; another value as long",
            Some(&bytes),
            key("07", Some(&quoted(1022).replace('a', "b"))),
        ),
        manual("8,192 bytes; one byte less", Some(&bytes), key("07", Some(&quoted(1021)))),
        manual("unknown id; 8,004 bytes", None, with(4)),
        manual("unknown id; 10,005 bytes", None, with(5)),
    ]
}
