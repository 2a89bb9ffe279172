//! Times and booleans in the forms that Python, Swift and JavaScript write by default.

use blackbox_tests::{Client, Database, Server, Socket};
use serde_json::{Value, json};

use super::{task_user, token_user};
use crate::support::{add, at, id, items, sync, text, texts};

/// 2026-01-09T10:15:00.5Z in bodies, with the programs that write it.
const TIMES: [(&str, &str); 9] = [
    ("JavaScript: toISOString()", "2026-01-09T10:15:00.500Z"),
    ("JavaScript: datetime-local input", "2026-01-09T10:15:00.5"),
    ("Python: isoformat() of a naive time", "2026-01-09T10:15:00.500000"),
    ("Python: isoformat()", "2026-01-09T10:15:00.500000+00:00"),
    ("Python: str()", "2026-01-09 12:15:00.500000+02:00"),
    ("Python: str() of a naive time", "2026-01-09 10:15:00.500000"),
    ("Python: strftime('%z')", "2026-01-09T11:15:00.500+0100"),
    ("Swift: ISO8601DateFormatter", "2026-01-09T02:15:00.500-08:00"),
    ("Swift: description of a Date", "2026-01-09 10:15:00.5 +0000"),
];

async fn listed(client: &Client, path: &str) -> Value {
    client.get(path).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn times_in_bodies_have_the_forms_that_programs_write() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    for (n, (program, time)) in (1..).zip(TIMES) {
        let stored = "2026-01-09T10:15:00.500000Z";
        let new = json!({"text": "x", "completed": true, "created_at": time, "completed_at": time});
        let todo = ann.post("/api/v1/todos", new).await.expect(201).json();
        assert_eq!(
            (&todo["created_at"], &todo["completed_at"]),
            (&json!(stored), &json!(stored)),
            "{program}"
        );
        let bulk =
            ann.post("/api/v1/todos/bulk", json!({"todos": [{"text": "x", "created_at": time}]})).await;
        assert_eq!(bulk.expect(201).json()["created"][0]["created_at"], stored, "{program}");
        let change = json!({"id": id(n), "text": "x", "version": 0, "created_at": time, "updated_at": time});
        let synced = sync(&ann, json!({"last_sync": time, "todos": [change]})).await;
        assert_eq!(synced["applied"], json!([id(n)]), "{program}: {synced}");
        assert_eq!(ann.get(&at(&json!({"id": id(n)}))).await.expect(200).json()["created_at"], stored);
        let gone = sync(&ann, json!({"todos": [{"id": id(n), "version": 1, "deleted_at": time}]})).await;
        assert_eq!(gone["applied"], json!([id(n)]), "{program}: {gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_have_the_forms_that_programs_write() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    add(&ann, "old").await;
    let cursor = ann.get("/api/v1/todos").await.header("x-sync-timestamp").to_owned();
    add(&ann, "new").await;
    let naive = cursor.trim_end_matches('Z');
    let forms = [
        cursor.clone(),
        naive.to_owned(),
        naive.replace('T', " "),
        naive.replace('T', "%20"),
        format!("{naive}%2B00:00"),
        format!("{naive}+00:00"),
        format!("{}+00:00", naive.replace('T', "+")),
        format!("{naive}%2B0000"),
        format!("{naive}-00:00"),
    ];
    for since in &forms {
        let newer = listed(&ann, &format!("/api/v1/todos?since={since}")).await;
        assert_eq!(texts(&newer), ["new"], "{since}");
        let query = format!("?since={}", since.replace(' ', "%20"));
        let mut socket = Socket::open(&server.socket_url(), ann.token(), &query).await.expect("it opens");
        let event = socket.next().await;
        assert_eq!(
            (text(&event["type"]), &event["todo"]["text"]),
            ("todo_created", &json!("new")),
            "{since}"
        );
    }
    for last_sync in [naive.to_owned(), naive.replace('T', " "), format!("{naive}+0000")] {
        let newer = sync(&ann, json!({"last_sync": last_sync})).await;
        assert_eq!(texts(&newer["server_changes"]), ["new"], "{last_sync}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn booleans_in_queries_have_the_forms_that_programs_write() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = token_user(&server.client(), "ann@example.com").await;
    let done = ann.post("/todos", json!({"title": "done"})).await.expect(201).json();
    ann.put(&format!("/todos/{}", text(&done["id"])), json!({"is_completed": true})).await.expect(200);
    let open = ann.post("/todos", json!({"title": "open"})).await.expect(201).json();
    for (yes, no) in [("true", "false"), ("True", "False"), ("1", "0")] {
        for (word, expected) in [(yes, "done"), (no, "open")] {
            let found = listed(&ann, &format!("/todos?is_completed={word}")).await;
            assert_eq!(
                (&found["total"], &found["items"][0]["title"]),
                (&json!(1), &json!(expected)),
                "{word}"
            );
        }
    }
    ann.delete(&format!("/todos/{}", text(&open["id"]))).await.expect(204);
    for (yes, no) in [("true", "false"), ("True", "False"), ("1", "0")] {
        let count =
            async |word| items(&listed(&ann, &format!("/api/v1/todos?include_deleted={word}")).await).len();
        assert_eq!((count(yes).await, count(no).await), (2, 1), "{yes}, {no}");
        let one = async |word| ann.get(&format!("{}?include_deleted={word}", at(&open))).await;
        one(yes).await.expect(200);
        one(no).await.expect_problem(404, "RESOURCE_001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn booleans_in_bodies_may_be_one_and_zero_on_every_contract() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, tasks) = task_user(&server.client(), "ann@example.com").await;
    let todo = ann.post("/api/v1/todos", json!({"text": "x", "completed": 1})).await.expect(201).json();
    assert_eq!(todo["completed"], true);
    let number = listed(&ann, &tasks).await[0]["id"].clone();
    let uuid = text(&todo["id"]);
    for (sent, expected) in [(0, false), (1, true), (0, false)] {
        let changed = [
            (ann.patch(&at(&todo), json!({"completed": sent})).await, "completed"),
            (ann.put(&format!("/todos/{uuid}"), json!({"is_completed": sent})).await, "is_completed"),
            (
                ann.put(&format!("/api/tasks/{number}"), json!({"title": "x", "completed": sent})).await,
                "completed",
            ),
            (
                ann.patch(&format!("/api/tasks/{number}/complete"), json!({"completed": sent})).await,
                "completed",
            ),
            (ann.put(&format!("{tasks}/{number}"), json!({"completed": sent})).await, "completed"),
        ];
        for (answer, member) in changed {
            assert_eq!(answer.expect(200).json()[member], expected, "{sent}");
        }
    }
    let patched = ann.patch("/api/v1/todos/bulk", json!({"todos": [{"id": uuid, "completed": 1}]})).await;
    assert_eq!(patched.expect(200).json()["updated"][0]["completed"], true);
    let version = ann.get(&at(&todo)).await.expect(200).json()["version"].clone();
    let change = json!({"id": uuid, "version": version, "completed": 0, "deleted": 1, "healing": 0});
    let synced = sync(&ann, json!({"include_deleted": 1, "todos": [change]})).await;
    assert_eq!(synced["applied"], json!([uuid]), "{synced}");
    assert!(
        ann.get(&format!("{}?include_deleted=1", at(&todo))).await.expect(200).json()["deleted_at"]
            .is_string()
    );
}
