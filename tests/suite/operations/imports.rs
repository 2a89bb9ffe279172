//! `todo-server import`: the exports of other programs, as they are in `tests/imports`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use blackbox_tests::server::command;
use blackbox_tests::{Client, Database, Server, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{add, at, items, sync, text};

/// The files, and how many of their tasks are imported and skipped. `adapters-import` tests what becomes of each task.
const FILES: [(&str, usize, usize); 6] = [
    ("todoist.csv", 5, 1),
    ("ticktick.csv", 4, 1),
    ("microsoft-to-do.json", 3, 1),
    ("google-tasks.json", 3, 1),
    ("tasks-org.json", 2, 2),
    ("super-productivity.json", 3, 0),
];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("imports").join(name)
}

/// Imports a file for Ann beside the running server, and returns what the command prints.
fn import(server: &Server, file: &Path, more: &[&str]) -> String {
    let mut import = command(server.folder(), server.settings());
    let output = import.arg("import").arg(file).args(["--user", "Ann@example.com"]).args(more).output();
    let output = output.expect("it runs");
    let (printed, problem) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problem}");
    printed.into_owned()
}

/// The last line of what an import prints.
fn totals(server: &Server, file: &Path, more: &[&str]) -> String {
    import(server, file, more).lines().last().expect("a line").to_owned()
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

#[tokio::test(flavor = "multi_thread")]
async fn the_command_names_what_it_changes_and_skips() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let printed = import(&server, &sample("ticktick.csv"), &[]);
    let imported = format!("{printed}---\n{}", kept(&ann).await);
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
    "#]]
    .assert_eq(&imported);
}

on_both_databases! {
    async fn a_file_is_imported_once_whatever_became_of_its_todos(server: Server) {
        let ann = server.client().new_user().await;
        for (file, created, skipped) in FILES {
            let foreseen = totals(&server, &sample(file), &["--dry-run"]);
            assert_eq!(foreseen, format!("{created} would be created, 0 imported before, {skipped} would be skipped"));
            let done = totals(&server, &sample(file), &[]);
            assert_eq!(done, format!("{created} created, 0 imported before, {skipped} skipped"), "{file}");
        }
        let created: usize = FILES.iter().map(|(_, created, _)| created).sum();
        let list = ann.get("/api/v1/todos?per_page=100").await.expect(200).json();
        assert_eq!(items(&list).len(), created);
        ann.delete(&at(&list[0])).await.expect(204);
        ann.patch(&at(&list[1]), json!({"text": "edited"})).await.expect(200);
        for (file, _, _) in FILES {
            let again = totals(&server, &sample(file), &[]);
            assert!(again.starts_with("0 created, "), "{file}: {again}");
        }
        let after: Value = ann.get("/api/v1/todos?per_page=100").await.expect(200).json();
        assert_eq!(items(&after).len(), created - 1);
        assert_eq!(after[0]["text"], "edited");
    }
}

on_both_databases! {
    async fn a_device_gets_what_is_imported_while_another_one_writes(server: Server) {
        let ann = server.client().new_user().await;
        let mut page = sync(&ann, json!({})).await;
        let file = server.folder().join("many.csv");
        let lines: Vec<_> = (0..2_500).map(|n| format!("task,imported {n},1")).collect();
        let content = format!("TYPE,CONTENT,INDENT\n{}\n", lines.join("\n"));
        std::fs::write(&file, content).expect("it is written");
        let importing = {
            let mut import = command(server.folder(), server.settings());
            import.arg("import").arg(&file).args(["--user", "ann@example.com"]);
            tokio::task::spawn_blocking(move || import.output().expect("it runs"))
        };
        let mut written = 0;
        while !importing.is_finished() && written < 500 {
            add(&ann, &format!("written {written}")).await;
            written += 1;
        }
        let output = importing.await.expect("it runs");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.ends_with("2500 created, 0 imported before, 0 skipped\n"), "{output:?}");
        assert!(written > 0);
        let mut received = 0;
        loop {
            let cursor = json!({"last_sync": page["sync_timestamp"].take(), "epoch": page["epoch"].take()});
            page = sync(&ann, cursor).await;
            received += items(&page["server_changes"]).len();
            if page["has_more"] == false {
                break;
            }
        }
        assert_eq!(received, 2_500 + written);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_tasks_of_two_projects_are_two_todos() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let file = server.folder().join("project.csv");
    std::fs::write(&file, "TYPE,CONTENT,INDENT\ntask,Call back,1\n").expect("it is written");
    for (list, expected) in [("Home", 1), ("Work", 1), ("Home", 0)] {
        let totals = totals(&server, &file, &["--list", list]);
        assert!(totals.starts_with(&format!("{expected} created, ")), "{list}: {totals}");
    }
    let todos = ann.get("/api/v1/todos").await.expect(200).json();
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
