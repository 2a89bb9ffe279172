//! Litestream with the sample of `deploy/`, and a folder in place of the object store.

use std::fs;
use std::path::Path;
use std::process::Command;

use blackbox_tests::binary::workspace;
use blackbox_tests::{Database, Server};
use serde_json::json;

use super::{done, stop};
use crate::support::{add, id, python_program, texts};
use crate::sync::devices::Devices;

/// Writes the sample for the server's database, with its copy in `copies` beside it.
fn configure(server: &Server) {
    let sample =
        fs::read_to_string(workspace().join("deploy/litestream/litestream.yml")).expect("it is there");
    let (database, copies) = (server.folder().join("todos.db"), server.folder().join("copies"));
    let replaced = sample
        .replace("/var/lib/todo-server/data/todos.db", database.to_str().expect("UTF-8"))
        .replace("type: s3", "type: file")
        .replace("path: todos\n", &format!("path: {}\n", copies.display()));
    let is_of_object_stores = |line: &&str| line.contains("bucket: ") || line.contains("region: ");
    assert_eq!(replaced.lines().filter(is_of_object_stores).count(), 2, "{sample}");
    let lines: Vec<_> = replaced.lines().filter(|line| !is_of_object_stores(line)).collect();
    fs::write(server.folder().join("litestream.yml"), lines.join("\n")).expect("written");
}

fn litestream(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(python_program("litestream"));
    let done = command.args(arguments).current_dir(folder).output().expect("Litestream runs");
    let [out, err] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(done.status.success(), "{arguments:?}: {out}{err}");
}

/// Puts Litestream's copy in place of the database of a server that has stopped.
fn restore(server: &Server) {
    let folder = server.folder();
    for name in ["todos.db", "todos.db-wal", "todos.db-shm"] {
        let _ = fs::remove_file(folder.join(name));
    }
    let database = folder.join("todos.db");
    litestream(folder, &["restore", "-config", "litestream.yml", database.to_str().expect("UTF-8")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_by_litestream_devices_send_what_it_lacks() {
    let (mut server, mut devices) = (Server::start(Database::Sqlite).await, Devices::start().await);
    configure(&server);
    let ann = server.client().new_user().await;
    for device in ["announced", "unannounced"] {
        devices.connect(device, &server, ann.token()).await;
    }
    add(&ann, "copied").await;
    litestream(server.folder(), &["replicate", "-once", "-config", "litestream.yml"]);
    add(&ann, "not copied").await;
    for device in ["announced", "unannounced"] {
        devices.sync(device).await;
    }
    for (device, noticed) in [("announced", "restored"), ("unannounced", "reads again")] {
        stop(&mut server).await;
        restore(&server);
        if device == "announced" {
            done(&server, &["new-epoch"]);
        }
        assert!(done(&server, &["check"]).contains("The database is consistent."));
        server.crash_and_restart().await;
        let ann = server.client().with_token(ann.token());
        let list = ann.get("/api/v1/todos").await.expect(200).json();
        assert_eq!(texts(&list), ["copied"]);
        // Another device writes first, so that no cursor is ahead of the database.
        ann.post("/api/v1/todos", json!({"id": id(1), "text": "written since"})).await.expect(201);
        devices.connect(device, &server, ann.token()).await;
        devices.sync(device).await;
        assert_eq!(devices.state(device).await["events"], json!([noticed]));
        let todos = devices.expect_equal(&[device], &server, ann.token()).await;
        let mut held: Vec<_> =
            todos.as_object().expect("todos").values().filter_map(|todo| todo["text"].as_str()).collect();
        held.sort_unstable();
        assert_eq!(held, ["copied", "not copied", "written since"]);
    }
}
