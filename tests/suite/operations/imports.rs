//! `todo-server import`: the exports of other programs, as they are in `tests/imports`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use blackbox_tests::server::command;
use blackbox_tests::{Client, Database, Server, on_both_databases};
use expect_test::{Expect, expect};
use serde_json::Value;

use crate::support::{at, items, text};

const FILES: [&str; 6] = [
    "todoist.csv",
    "ticktick.csv",
    "microsoft-to-do.json",
    "google-tasks.json",
    "tasks-org.json",
    "super-productivity.json",
];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("imports").join(name)
}

/// Imports a file for Ann, and returns what the command prints. SQLite's file is free only while no server runs.
async fn import(server: &mut Server, file: &Path, more: &[&str]) -> String {
    let stops = server.database() == Database::Sqlite;
    if stops {
        server.terminate();
        server.ended().await;
    }
    let mut import = command(server.folder(), server.settings());
    let output = import.arg("import").arg(file).args(["--user", "Ann@example.com"]).args(more).output();
    let output = output.expect("it runs");
    let (printed, problem) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problem}");
    if stops {
        server.crash_and_restart().await;
    }
    printed.into_owned()
}

/// The last line of what an import prints.
async fn totals(server: &mut Server, file: &Path, more: &[&str]) -> String {
    import(server, file, more).await.lines().last().expect("a line").to_owned()
}

async fn log_in(server: &Server) -> Client {
    crate::support::log_in(&server.client(), "ann@example.com", "laptop").await.0
}

/// What is kept of each todo, in the order of their texts: one line for each member that is set.
async fn kept(ann: &Client) -> String {
    let mut todos = ann.get("/api/v1/todos?per_page=100").await.expect(200).json();
    let ids: BTreeMap<String, String> = items(&todos)
        .iter()
        .map(|todo| (text(&todo["id"]).to_owned(), text(&todo["text"]).to_owned()))
        .collect();
    let todos = todos.as_array_mut().expect("a list");
    todos.sort_by_key(|todo| (text(&todo["text"]).to_owned(), text(&todo["created_at"]).to_owned()));
    let mut lines = Vec::new();
    for todo in todos {
        let short: String = text(&todo["text"]).chars().take(40).collect();
        lines.push(short);
        for name in ["description", "completed_at"] {
            if let Some(value) = todo[name].as_str() {
                let value: String = value.chars().take(80).collect();
                lines.push(format!("  {name} {value:?}"));
            }
        }
        if text(&todo["created_at"]) < "2026-11" {
            lines.push(format!("  created_at {}", todo["created_at"]));
        }
        for (key, value) in todo["metadata"].as_object().expect("metadata") {
            let parent = value.as_str().and_then(|id| ids.get(id));
            lines.push(format!("  {key} {}", parent.map_or_else(|| value.to_string(), Clone::clone)));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Imports a sample on SQLite; compares what the command prints and what the list holds.
async fn check(file: &str, expected: Expect) {
    let mut server = Server::start(Database::Sqlite).await;
    server.client().register("ann@example.com").await;
    let printed = import(&mut server, &sample(file), &[]).await;
    let kept = kept(&log_in(&server).await).await;
    expected.assert_eq(&format!("{printed}---\n{kept}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn todoist_is_imported() {
    check("todoist.csv", expect![[r#"
        Todoist: 6 tasks
        line 9, "Water the [lemon tree](https://example.org/?q=a&b=%20)": the date "every 3 days" is kept as text, in todoist:date
        line 10, "Water the [lemon tree](https://example.org/?q=a&b=%20)": the date "every 3 days" is kept as text, in todoist:date
        line 11, "": skipped, the title must not be blank
        line 12, "Long Long Long Long Long Long Long Long Long Long Long Long ": the title is longer than 500 characters: all of it begins the notes
        5 created, 0 imported before, 1 skipped
        ---
        Long Long Long Long Long Long Long Long 
          description "Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long "
          list "Garden"
        Renew passport
          description "Bring two photos\nand the old one"
          due "2027-03-04"
          priority 2
          tag:errands true
          tag:papers true
        Take photos
          description "The shop in Rua Augusta"
          due "2027-03-01T09:30:00Z"
          parent Renew passport
          todoist:duration "30 minute"
        Water the [lemon tree](https://example.o
          list "Garden"
          priority 1
          todoist:date "every 3 days"
        Water the [lemon tree](https://example.o
          list "Garden"
          priority 1
          todoist:date "every 3 days"
    "#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ticktick_is_imported() {
    check(
        "ticktick.csv",
        expect![[r#"
        TickTick: 5 tasks
        line 11, "": skipped, the title must not be blank
        line 12, "Rent a car": the task was given up, and counts as completed
        4 created, 0 imported before, 1 skipped
        ---
        Book the train
          completed_at "2026-09-04T18:30:05.000000Z"
          created_at "2026-09-03T07:15:00.000000Z"
          due "2026-10-01T10:00:00+02:00"
          list "Trip"
          parent Pack
          priority 2
          ticktick:folder "Home"
          ticktick:start "2026-10-01T08:30:00+02:00"
        Pack
          description "Before we go\n- [ ] socks\n- [x] passport"
          created_at "2026-09-02T07:15:00.000000Z"
          list "Trip"
          ticktick:column "Doing"
          ticktick:folder "Home"
        Pay the "electric" bill
          description "Customer 4711\nAsk about the meter"
          created_at "2026-09-01T07:15:00.000000Z"
          due "2026-11-30"
          list "Inbox"
          priority 1
          repeat "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=30"
          tag:home true
          tag:money true
          ticktick:reminder "P0DT9H0M0S"
        Rent a car
          completed_at "2026-09-07T07:15:00.000000Z"
          created_at "2026-09-06T07:15:00.000000Z"
          list "Trip"
          priority 3
          ticktick:folder "Home"
          ticktick:repeat "ERULE:NAME=CUSTOM;BYDATE=20261010"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn microsoft_to_do_is_imported() {
    check(
        "microsoft-to-do.json",
        expect![[r#"
        Microsoft To Do: 4 tasks
        task 1, "Order firewood 🪵": attachments are left out
        task 2, "Team lunch": the notes are HTML, which is shown as text
        task 3, "Call": the time zone "Pacific Standard Time" is unknown: its times count as UTC
        task 4, "": skipped, the task has another form: invalid type: sequence, expected a string
        3 created, 0 imported before, 1 skipped
        ---
        Call
          created_at "2026-08-03T06:07:08.000000Z"
          due "2026-12-05T09:00:00Z"
        Order firewood 🪵
          description "Two cubic metres\ndry"
          completed_at "2026-08-09T00:00:00.000000Z"
          created_at "2026-08-01T06:07:08.123456Z"
          priority 1
          tag:Red category true
          tag:Winter true
        Team lunch
          description "<p>Ask Ida</p>\n\n- [x] Reserve\n- [ ] Invite\n\nMenu https://example.org/menu"
          created_at "2026-08-02T06:07:08.000000Z"
          due "2026-12-04"
          microsoft:reminder "2026-12-04T11:30:00+01:00"
          microsoft:status "inProgress"
          priority 4
          repeat "FREQ=WEEKLY;BYDAY=FR;INTERVAL=2"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google_tasks_is_imported() {
    check(
        "google-tasks.json",
        expect![[r#"
        Google Tasks: 4 tasks
        task 3 of "Household", "": skipped, the title must not be blank
        task 4 of "Household", "": the title is empty: the first line of the notes is the title
        3 created, 0 imported before, 1 skipped
        ---
        Buy soda
          created_at "2026-10-01T09:00:00.000000Z"
          due "2026-10-05T16:00:00Z"
          list "Household"
          parent Clean the oven
        Clean the oven
          description "first soak\nthen scrub\n\nFrom Jo https://mail.example.org/x"
          completed_at "2026-10-02T19:20:21.000000Z"
          created_at "2026-10-01T08:00:00.123456Z"
          due "2026-10-02"
          list "Household"
        Only notes
          description "Only notes\nwith two lines"
          created_at "2026-10-01T11:00:00.000000Z"
          list "Household"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_org_is_imported() {
    check(
        "tasks-org.json",
        expect![[r#"
        Tasks.org: 4 tasks
        task 1, "Feed the neighbour's cat": reminders are left out
        task 3, "Old": skipped, the task is deleted
        task 4, "": skipped, the title must not be blank
        2 created, 0 imported before, 2 skipped
        ---
        Feed the neighbour's cat
          description "Key is under\nthe pot\n\nShe likes tuna"
          created_at "2026-08-29T10:40:00.000000Z"
          due "2026-12-01T10:00:00Z"
          list "Street"
          priority 1
          repeat "FREQ=DAILY;COUNT=5"
          snooze "2026-12-01T06:00:00Z"
          tag:animals true
        Return books
          completed_at "2026-08-30T14:26:40.000000Z"
          created_at "2026-08-29T10:40:00.000000Z"
          due "2026-12-03"
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn super_productivity_is_imported() {
    check(
        "super-productivity.json",
        expect![[r#"
        Super Productivity: 3 tasks
        task 1, "Plan the garden": the time spent is left out
        task 2, "Draw a map": attachments are left out
        3 created, 0 imported before, 0 skipped
        ---
        Buy a spade
          completed_at "2026-08-17T20:53:20.000000Z"
          created_at "2026-08-06T07:06:40.000000Z"
          tag:outside true
        Draw a map
          completed_at "2026-08-30T14:26:40.000000Z"
          created_at "2026-08-29T10:40:00.500000Z"
          due "2026-08-30T11:40:00Z"
          parent Plan the garden
        Plan the garden
          description "* [ ] beds\n* [x] seeds"
          created_at "2026-08-29T10:40:00.000000Z"
          due "2027-02-01"
          list "Allotment"
          repeat "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"
          tag:outside true
    "#]],
    )
    .await;
}

on_both_databases! {
    async fn a_file_is_imported_once_whatever_became_of_its_todos(server: Server) {
        let mut server = server;
        server.client().register("ann@example.com").await;
        let mut created = 0;
        for file in FILES {
            let file = sample(file);
            let foreseen = totals(&mut server, &file, &["--dry-run"]).await;
            let done = totals(&mut server, &file, &[]).await;
            assert_eq!(foreseen.replace("would be ", ""), done, "a dry run says what happens");
            created += done.split(' ').next().and_then(|n| n.parse::<usize>().ok()).expect("a number");
        }
        let ann = log_in(&server).await;
        let list = ann.get("/api/v1/todos?per_page=100").await.expect(200).json();
        assert_eq!(items(&list).len(), created);
        ann.delete(&at(&list[0])).await.expect(204);
        ann.patch(&at(&list[1]), serde_json::json!({"text": "edited"})).await.expect(200);
        for file in FILES {
            let again = totals(&mut server, &sample(file), &[]).await;
            assert!(again.starts_with("0 created, "), "{file}: {again}");
        }
        let ann = log_in(&server).await;
        let after: Value = ann.get("/api/v1/todos?per_page=100").await.expect(200).json();
        assert_eq!(items(&after).len(), created - 1);
        assert_eq!(after[0]["text"], "edited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_tasks_of_two_projects_are_two_todos() {
    let mut server = Server::start(Database::Sqlite).await;
    server.client().register("ann@example.com").await;
    let file = server.folder().join("project.csv");
    std::fs::write(&file, "TYPE,CONTENT,INDENT\ntask,Call back,1\n").expect("it is written");
    for (list, expected) in [("Home", 1), ("Work", 1), ("Home", 0)] {
        let totals = totals(&mut server, &file, &["--list", list]).await;
        assert!(totals.starts_with(&format!("{expected} created, ")), "{list}: {totals}");
    }
    let todos = log_in(&server).await.get("/api/v1/todos").await.expect(200).json();
    let mut lists: Vec<_> = items(&todos).iter().map(|todo| text(&todo["metadata"]["list"])).collect();
    lists.sort_unstable();
    assert_eq!(lists, ["Home", "Work"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_not_be_imported_is_refused_in_one_sentence() {
    let server = Server::start(Database::Postgres).await;
    server.client().register("ann@example.com").await;
    let write = |name: &str, content: &[u8]| {
        let path = server.folder().join(name);
        std::fs::write(&path, content).expect("it is written");
        path.display().to_string()
    };
    let sample = sample("todoist.csv").display().to_string();
    let cases = [
        ("missing.csv".to_owned(), "ann@example.com", "missing.csv can't be read: No such file"),
        (sample.clone(), "bob@example.com", "there is no user bob@example.com"),
        (sample, "0190163d-8694-739b-aea5-966c26f8ad91", "there is no user 0190163d"),
        (write("latin1.csv", b"TYPE,CONTENT\xe9"), "ann@example.com", "the file is not text in UTF-8"),
        (write("cut.json", br#"{"data": {"tasks": ["#), "ann@example.com", "the file is not valid JSON"),
        (
            write("other.json", b"{}"),
            "ann@example.com",
            "the file is not an export of Todoist (CSV), TickTick",
        ),
        (write("other.csv", b"a,b\n1,2\n"), "ann@example.com", "the file is not an export of"),
    ];
    for (file, user, sentence) in cases {
        let mut import = command(server.folder(), server.settings());
        let output = import.args(["import", &file, "--user", user]).output().expect("it runs");
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), problem.lines().count()), (Some(1), 1), "{problem}");
        assert!(problem.starts_with("todo-server: ") && problem.contains(sentence), "{problem}");
    }
}
