//! The sample exports in `tests/imports`: what becomes of each task. That `todo-server import` stores it is shown by the
//! black-box tests.

#![expect(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use adapters_import::{Entry, Export, ReadError, read};
use domain::UserId;
use expect_test::{Expect, expect};
use uuid::Uuid;

const ANN: UserId = UserId(Uuid::from_u128(1));

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/imports");
    fs::read(folder.join(name)).expect("the file is there")
}

/// The entries as text: place and title, what was changed, and each part of the todo that is set.
fn show(export: &Export) -> String {
    let mut shown = format!("{}\n", export.program);
    for Entry { place, title, changes, todo } in &export.entries {
        let title: String = title.chars().take(40).collect();
        let _ = writeln!(shown, "{place}: {title}");
        for change in changes {
            let _ = writeln!(shown, "  ! {change}");
        }
        let new = match todo {
            Ok((_, new)) => new,
            Err(reason) => {
                let _ = writeln!(shown, "  skipped: {reason}");
                continue;
            }
        };
        if new.title.as_str() != title {
            let _ = writeln!(shown, "  title of {} characters", new.title.as_str().chars().count());
        }
        if let Some(description) = &new.description {
            let description: String = description.as_str().chars().take(80).collect();
            let _ = writeln!(shown, "  description {description:?}");
        }
        if let Some(created_at) = new.created_at {
            let _ = writeln!(shown, "  created_at {created_at}");
        }
        if new.completed {
            let at = new.completed_at.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
            let _ = writeln!(shown, "  completed_at {at}");
        }
        for (key, value) in &new.metadata {
            let value = value.as_ref().map_or("null", |value| value.as_str());
            let above =
                |entry: &&Entry| entry.todo.as_ref().is_ok_and(|(id, _)| format!("\"{id}\"") == value);
            let parent = export.entries.iter().find(above).map(|entry| entry.title.as_str());
            let _ = writeln!(shown, "  {key} {}", parent.unwrap_or(value));
        }
    }
    shown
}

fn check(file: &str, expected: &Expect) {
    let export = read(&sample(file), ANN, None).expect("it is read");
    expected.assert_eq(&show(&export));
    let ids = |export: &Export| -> Vec<_> {
        export.entries.iter().filter_map(|entry| entry.todo.as_ref().ok()).map(|(id, _)| *id).collect()
    };
    let again = read(&sample(file), ANN, None).expect("it is read");
    assert_eq!(ids(&export), ids(&again));
    let bob = read(&sample(file), UserId(Uuid::from_u128(2)), None).expect("it is read");
    assert_ne!(ids(&export), ids(&bob));
}

#[test]
fn todoist_is_read() {
    check(
        "todoist.csv",
        &expect![[r#"
        Todoist
        line 4: Renew passport
          description "Bring two photos\nand the old one"
          due "2027-03-04"
          priority 2
          tag:errands true
          tag:papers true
        line 6: Take photos
          description "The shop in Rua Augusta"
          due "2027-03-01T09:30:00Z"
          parent Renew passport
          todoist:duration "30 minute"
        line 9: Water the [lemon tree](https://example.o
          ! the date "every 3 days" is kept as text, in todoist:date
          title of 54 characters
          list "Garden"
          priority 1
          todoist:date "every 3 days"
        line 10: Water the [lemon tree](https://example.o
          ! the date "every 3 days" is kept as text, in todoist:date
          title of 54 characters
          list "Garden"
          priority 1
          todoist:date "every 3 days"
        line 11: 
          skipped: the title must not be blank
        line 12: Long Long Long Long Long Long Long Long 
          ! the title is longer than 500 characters: all of it begins the notes
          title of 500 characters
          description "Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long "
          list "Garden"
    "#]],
    );
}

#[test]
fn ticktick_is_read() {
    check(
        "ticktick.csv",
        &expect![[r#"
        TickTick
        line 8: Pay the "electric" bill
          description "Customer 4711\nAsk about the meter"
          created_at 2026-09-01T07:15:00.000000Z
          due "2026-11-30"
          list "Inbox"
          priority 1
          repeat "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=30"
          tag:home true
          tag:money true
          ticktick:reminder "P0DT9H0M0S"
        line 9: Pack
          description "Before we go\n- [ ] socks\n- [x] passport"
          created_at 2026-09-02T07:15:00.000000Z
          list "Trip"
          ticktick:column "Doing"
          ticktick:folder "Home"
        line 10: Book the train
          created_at 2026-09-03T07:15:00.000000Z
          completed_at 2026-09-04T18:30:05.000000Z
          due "2026-10-01T10:00:00+02:00"
          list "Trip"
          parent Pack
          priority 2
          ticktick:folder "Home"
          ticktick:start "2026-10-01T08:30:00+02:00"
        line 11: 
          skipped: the title must not be blank
        line 12: Rent a car
          ! the task was given up, and counts as completed
          created_at 2026-09-06T07:15:00.000000Z
          completed_at 2026-09-07T07:15:00.000000Z
          list "Trip"
          priority 3
          ticktick:folder "Home"
          ticktick:repeat "ERULE:NAME=CUSTOM;BYDATE=20261010"
    "#]],
    );
}

#[test]
fn microsoft_to_do_is_read() {
    check(
        "microsoft-to-do.json",
        &expect![[r#"
        Microsoft To Do
        task 1: Order firewood 🪵
          ! attachments are left out
          description "Two cubic metres\ndry"
          created_at 2026-08-01T06:07:08.123456Z
          completed_at 2026-08-09T00:00:00.000000Z
          priority 1
          tag:Red category true
          tag:Winter true
        task 2: Team lunch
          ! the notes are HTML, which is shown as text
          description "<p>Ask Ida</p>\n\n- [x] Reserve\n- [ ] Invite\n\nMenu https://example.org/menu"
          created_at 2026-08-02T06:07:08.000000Z
          due "2026-12-04"
          microsoft:reminder "2026-12-04T11:30:00+01:00"
          microsoft:status "inProgress"
          priority 4
          repeat "FREQ=WEEKLY;BYDAY=FR;INTERVAL=2"
        task 3: Call
          ! the time zone "Pacific Standard Time" is unknown: its times count as UTC
          created_at 2026-08-03T06:07:08.000000Z
          due "2026-12-05T09:00:00Z"
        task 4: 
          skipped: the task has another form: invalid type: sequence, expected a string
    "#]],
    );
}

#[test]
fn google_tasks_is_read() {
    check(
        "google-tasks.json",
        &expect![[r#"
        Google Tasks
        task 1 of "Household": Clean the oven
          description "first soak\nthen scrub\n\nFrom Jo https://mail.example.org/x"
          created_at 2026-10-01T08:00:00.123456Z
          completed_at 2026-10-02T19:20:21.000000Z
          due "2026-10-02"
          list "Household"
        task 2 of "Household": Buy soda
          created_at 2026-10-01T09:00:00.000000Z
          due "2026-10-05T16:00:00Z"
          list "Household"
          parent Clean the oven
        task 3 of "Household": 
          skipped: the title must not be blank
        task 4 of "Household": 
          ! the title is empty: the first line of the notes is the title
          title of 10 characters
          description "Only notes\nwith two lines"
          created_at 2026-10-01T11:00:00.000000Z
          list "Household"
    "#]],
    );
}

#[test]
fn tasks_org_is_read() {
    check(
        "tasks-org.json",
        &expect![[r#"
        Tasks.org
        task 1: Feed the neighbour's cat
          ! reminders are left out
          description "Key is under\nthe pot\n\nShe likes tuna"
          created_at 2026-08-29T10:40:00.000000Z
          due "2026-12-01T10:00:00Z"
          list "Street"
          priority 1
          repeat "FREQ=DAILY;COUNT=5"
          snooze "2026-12-01T06:00:00Z"
          tag:animals true
        task 2: Return books
          created_at 2026-08-29T10:40:00.000000Z
          completed_at 2026-08-30T14:26:40.000000Z
          due "2026-12-03"
        task 3: Old
          skipped: the task is deleted
        task 4: 
          skipped: the title must not be blank
    "#]],
    );
}

#[test]
fn super_productivity_is_read() {
    check(
        "super-productivity.json",
        &expect![[r#"
        Super Productivity
        task 1: Plan the garden
          ! the time spent is left out
          description "* [ ] beds\n* [x] seeds"
          created_at 2026-08-29T10:40:00.000000Z
          due "2027-02-01"
          list "Allotment"
          repeat "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"
          tag:outside true
        task 2: Draw a map
          ! attachments are left out
          created_at 2026-08-29T10:40:00.500000Z
          completed_at 2026-08-30T14:26:40.000000Z
          due "2026-08-30T11:40:00Z"
          parent Plan the garden
        task 3: Buy a spade
          created_at 2026-08-06T07:06:40.000000Z
          completed_at 2026-08-17T20:53:20.000000Z
          tag:outside true
    "#]],
    );
}

#[test]
fn other_files_are_refused_with_the_reason() {
    let refused = |file: &[u8]| read(file, ANN, None).map(|export| export.program).expect_err("refused");
    assert!(matches!(refused(b"TYPE,CONTENT\xe9"), ReadError::NotText));
    assert!(matches!(refused(br#"{"data": {"tasks": ["#), ReadError::NotJson(_)));
    for file in [&b""[..], b"{}", b"[]", b"a,b\n1,2\n", br#"{"value": [1]}"#, br#"[{"title": "x"}]"#] {
        assert!(matches!(refused(file), ReadError::Unknown), "{}", String::from_utf8_lossy(file));
    }
    let lists = br#"{"kind": "tasks#taskLists", "items": 7}"#;
    assert!(refused(lists).to_string().starts_with("the export of Google Tasks can't be read: "));
}
