//! A store returns every value that the domain accepts exactly as it was written.

use std::slice;
use std::time::Duration;

use domain::todo::query::{ListQuery, Search};
use domain::todo::{Base, Edit, NewTodo, Title, Todo, Upsert};
use domain::{Stamp, UserId};

use crate::Harness;
use crate::build::{
    T0, at, change, client, content, create, create_as, delete, description, edit, restore, retitle, title,
    todo_id, toggle, upsert,
};

/// The outcome of a change shows the todo exactly as every later read does.
pub async fn every_read_gives_what_the_commit_answered(h: Harness) {
    let user = h.user().await;
    let id = todo_id();
    let full = NewTodo {
        description: Some(description("  at the corner \n")),
        completed: true,
        created_at: Some(T0.minus(Duration::from_micros(1_234_567))),
        ..content("milk")
    };
    let clear = Edit { description: Some(None), completed: Some(false), ..Edit::default() };
    let steps = [
        domain::todo::Change { client_id: Some(client("phone")), ..create_as(id, full) },
        domain::todo::Change {
            client_id: Some(client("tablet")),
            ..retitle(id, Base::Version(1), "oat milk")
        },
        edit(id, Base::Version(2), clear),
        edit(id, Base::Current, Edit { description: Some(Some(description(""))), ..Edit::default() }),
        toggle(id),
        delete(id),
        restore(id),
    ];
    for (change, step) in steps.into_iter().zip(0u32..) {
        let client_id = change.client_id.clone();
        let todo = h.applied_at(user, change, at(step.into())).await;
        assert_eq!(
            todo.client_id(),
            client_id.as_ref(),
            "the device that made the last change, if it named itself"
        );
        assert_eq!(todo.version(), i64::from(step) + 1);
        assert_reads_give(&h, user, &todo).await;
    }
}

async fn assert_reads_give(h: &Harness, user: UserId, todo: &Todo) {
    assert_eq!(h.todo(user, todo.id()).await.as_ref(), Some(todo), "get");
    let by_number = h.todos.get_by_number(user, todo.number()).await.expect("get_by_number answers");
    assert_eq!(by_number.as_ref(), Some(todo), "get_by_number");
    let before = todo.updated_at().minus(Duration::from_micros(1));
    assert_eq!(h.changes(user, Some(before), 1).await.todos, slice::from_ref(todo), "changes");
    let query = ListQuery { since: Some(before), include_deleted: true, ..ListQuery::default() };
    assert_eq!(h.list(user, &query).await.todos, slice::from_ref(todo), "list");
}

/// A todo whose title the current input rules refuse can still be read, listed, searched, synced,
/// changed and deleted.
pub async fn a_row_beyond_the_current_limits_can_be_used(h: Harness) {
    let user = h.user().await;
    let id = todo_id();
    let written = h.applied(user, create(id, "milk")).await;
    let long = format!(" \u{1b}[31m{}", "long ".repeat(2_000));
    assert!(Title::parse(&long).is_err(), "the input rules refuse the title");
    h.operator.overwrite_title(user, id, &long).await;

    let stored = h.todo(user, id).await.expect("the todo can be read");
    assert_eq!(stored.title().as_str(), long);
    assert_reads_give(&h, user, &stored).await;
    let search = Search::parse("LONG");
    assert_eq!(h.list(user, &ListQuery { search, ..ListQuery::default() }).await.total, 1);

    let complete = Upsert { edit: Edit { completed: Some(true), ..Edit::default() }, ..Upsert::default() };
    let completed = h.applied(user, upsert(id, Base::Version(written.version()), complete)).await;
    assert_eq!((completed.completed(), completed.title().as_str()), (true, long.as_str()));
    for change in [edit(id, Base::Current, with_description("at the corner")), delete(id), restore(id)] {
        let changed = h.applied(user, change).await;
        assert_eq!(changed.title().as_str(), long);
        assert_reads_give(&h, user, &changed).await;
    }
    let retitled = h.applied(user, retitle(id, Base::Version(5), "short")).await;
    assert_eq!(retitled.title().as_str(), "short");
}

fn with_description(text: &str) -> Edit {
    Edit { description: Some(Some(description(text))), ..Edit::default() }
}

/// Emoji, characters beyond the basic plane, combining marks in either form, quotes, wildcards,
/// tabs and newlines.
pub async fn texts_come_back_as_typed(h: Harness) {
    let user = h.user().await;
    let texts = [
        "🦀 👩‍👩‍👧‍👦 🏳️‍🌈 𝒻𝒶𝓃𝒸𝓎",
        "e\u{301} é \u{1100}\u{1161} 가",
        "שלום مرحبا \u{202e}reversed",
        r#"'; DROP TABLE todos; -- "quoted" \ % _ $1 ? :x {}"#,
        "tab\there\nand a new line",
        "mark \u{feff}\u{200b} \u{fffd} \u{10ffff} \u{ffff}",
        "null NULL \\0 \\x00 \\u0000",
        "ﬁ ß ẞ İ ı Σ ς",
    ];
    for text in texts {
        let new = NewTodo { description: Some(description(text)), ..content(text) };
        let todo = h.applied(user, create_as(todo_id(), new)).await;
        assert_eq!(todo.title().as_str(), text);
        assert_eq!(todo.description().map(domain::todo::Description::as_str), Some(text));
        assert_reads_give(&h, user, &todo).await;
    }
}

/// Texts of the maximum length, in the characters that need the most bytes, also if the folded form
/// is longer than the text.
pub async fn the_longest_texts_fit(h: Harness) {
    let user = h.user().await;
    for character in ["x", "𝄞", "İ", "ẞ"] {
        let new = NewTodo {
            description: Some(description(&character.repeat(10_000))),
            ..content(&character.repeat(500))
        };
        let id = todo_id();
        let create =
            domain::todo::Change { client_id: Some(client(&character.repeat(100))), ..create_as(id, new) };
        let todo = h.applied(user, create).await;
        assert_reads_give(&h, user, &todo).await;
        let query = ListQuery { search: Search::parse(&character.repeat(9_999)), ..ListQuery::default() };
        assert_eq!(
            h.list(user, &query).await.todos,
            slice::from_ref(&todo),
            "{character} is found by its folded text"
        );
        let shorter = h
            .applied(
                user,
                edit(
                    id,
                    Base::Current,
                    Edit { title: Some(title("short")), description: Some(None), ..Edit::default() },
                ),
            )
            .await;
        assert_reads_give(&h, user, &shorter).await;
    }
}

/// A title that exceeds the usual size of an index entry. It looks random, so that compression does
/// not help.
pub async fn a_long_title_that_does_not_compress_fits(h: Harness) {
    let user = h.user().await;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let text: String = (0..500)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // CJK extension B: 42,720 characters of 4 bytes.
            u32::try_from(state % 42_720).ok().and_then(|n| char::from_u32(0x2_0000 + n)).unwrap_or('x')
        })
        .collect();
    let todo = h.applied(user, create(todo_id(), &text)).await;
    assert_reads_give(&h, user, &todo).await;
}

/// Every instant that a stamp can represent, to the microsecond.
pub async fn the_first_and_the_last_instant_fit(h: Harness) {
    let user = h.user().await;
    let micro = Duration::from_micros(1);
    let instants = [
        Stamp::MIN,
        Stamp::MIN.plus(micro),
        Stamp::EPOCH.minus(micro),
        Stamp::EPOCH,
        Stamp::EPOCH.plus(micro),
        T0.minus(Duration::from_micros(999_999)),
        T0,
    ];
    for instant in instants {
        let new = NewTodo { created_at: Some(instant), ..content("imported") };
        let todo = h.applied(user, create_as(todo_id(), new)).await;
        assert_eq!(todo.created_at(), instant);
        assert_reads_give(&h, user, &todo).await;
    }
    let oldest = ListQuery { order: domain::todo::query::Order::Ascending, ..ListQuery::default() };
    let created: Vec<_> = h.list(user, &oldest).await.todos.iter().map(Todo::created_at).collect();
    assert_eq!(created, instants, "the todos are in order");

    let early = NewTodo { created_at: Some(Stamp::MAX), ..content("from the future") };
    let todo = h.applied(user, create_as(todo_id(), early.clone())).await;
    assert_eq!(todo.created_at(), todo.updated_at(), "an instant in the future is replaced");

    let end = Stamp::MAX.minus(Duration::from_micros(10));
    let id = todo_id();
    let todo = h.applied_at(user, create_as(id, early), end).await;
    assert_eq!(todo.updated_at(), end);
    let completed = h.applied_at(user, toggle(id), end).await;
    assert_eq!(completed.completed_at(), Some(end.next()));
    let deleted = h.applied_at(user, delete(id), end).await;
    assert_eq!(deleted.deleted_at(), Some(end.next().next()));
    assert_reads_give(&h, user, &deleted).await;
}

/// A store answers for a cursor at any instant.
pub async fn any_instant_is_a_valid_cursor(h: Harness) {
    let user = h.user().await;
    let todo = h.applied(user, create(todo_id(), "milk")).await;
    for (since, found) in [(Stamp::MIN, true), (Stamp::EPOCH, true), (T0, true), (Stamp::MAX, false)] {
        let expected = if found { vec![todo.clone()] } else { Vec::new() };
        assert_eq!(h.changes(user, Some(since), 10).await.todos, expected, "since {since:?}");
        let query = ListQuery { since: Some(since), ..ListQuery::default() };
        assert_eq!(h.list(user, &query).await.todos, expected, "since {since:?}");
    }
}

/// Every UUID is accepted as an id.
pub async fn any_uuid_is_a_valid_id(h: Harness) {
    let user = h.user().await;
    let ids = [u128::MAX, 0, 1, 1 << 127, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef];
    for id in ids.map(|id| domain::TodoId(uuid::Uuid::from_u128(id))) {
        let todo =
            h.applied(user, change(id, Base::Current, domain::todo::Action::Create(content("milk")))).await;
        assert_eq!(todo.id(), id);
        assert_reads_give(&h, user, &todo).await;
    }
}
