//! `todo-server restore`, `check` and `new-epoch`.

use std::fs;

use blackbox_tests::{Database, Server, on_both_databases};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use serde_json::json;

use super::{done, exit_and_output, names, refused, stop};
use crate::support::{add, at, items, log_in, refresh, revoked, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_keeps_the_old_file_ends_sessions_and_lists_accounts_deleted_since() {
    let mut server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    add(&ann, "before").await;
    let copy = server.folder().join("copy.db").display().to_string();
    done(&server, &["backup", &copy]);
    add(&ann, "after").await;
    let (later, tokens) = log_in(&server.client(), "ann@example.com", "laptop").await;
    // Of a session that ended, only the revocation may be left.
    let (tablet, _) = log_in(&server.client(), "ann@example.com", "tablet").await;
    tablet.post("/api/v1/auth/logout", json!({})).await.expect(204);
    server.execute("DELETE FROM sessions WHERE client_id = 'tablet'");
    bob.send(
        bob.request(reqwest::Method::DELETE, "/api/v1/users/me")
            .json(&json!({"password": blackbox_tests::client::PASSWORD})),
    )
    .await
    .expect(204);
    let in_use = refused(&server, &["restore", &copy]);
    assert!(in_use.contains("(todo-server serve) uses "), "{in_use}");
    stop(&mut server).await;
    let printed = done(&server, &["restore", &copy]);
    for line in ["restored 2 users and 1 todos", "ended 2 sessions", "there again: ", " bob@example.com"] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let kept: Vec<_> =
        names(server.folder()).into_iter().filter(|name| name.contains(".replaced-")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    server.crash_and_restart().await;
    // Sessions of before and after the copy have ended.
    for client in [&ann, &later, &tablet] {
        let again = server.client().with_token(client.token());
        again.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
    }
    refresh(&server.client(), &tokens).await.expect(401);
    let (ann, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
    let list = ann.get("/api/v1/todos").await.expect(200).json();
    assert_eq!(items(&list).iter().map(|todo| text(&todo["text"])).collect::<Vec<_>>(), ["before"]);
    // The replaced file is a whole database: it can be put back.
    stop(&mut server).await;
    let kept = server.folder().join(&kept[0]).display().to_string();
    let printed = done(&server, &["restore", &kept, "--keep-sessions"]);
    assert!(printed.contains("1 users and 2 todos") && printed.contains("sessions stay open"), "{printed}");
    server.crash_and_restart().await;
    server.client().with_token(later.token()).get("/api/v1/todos").await.expect(200);
    assert!(done(&server, &["check"]).contains("The database is consistent."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_keeps_sessions_leaves_those_closed_that_were_ended_since() {
    let mut server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (phone, phone_tokens) = log_in(&server.client(), "ann@example.com", "phone").await;
    let copy = server.folder().join("copy.db").display().to_string();
    done(&server, &["backup", &copy]);
    let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
    for device in [&phone, &laptop] {
        device.post("/api/v1/auth/logout", json!({})).await.expect(204);
    }
    stop(&mut server).await;
    let printed = done(&server, &["restore", &copy, "--keep-sessions"]);
    assert!(printed.contains("sessions stay open, except 1 that were ended after the backup"), "{printed}");
    server.crash_and_restart().await;
    server.client().with_token(ann.token()).get("/api/v1/todos").await.expect(200);
    for device in [&phone, &laptop] {
        let again = server.client().with_token(device.token());
        again.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
    }
    refresh(&server.client(), &phone_tokens).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_copy_is_refused_and_changes_nothing() {
    let mut server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    for n in 0..50 {
        add(&ann, &format!("todo {n}")).await;
    }
    let path = |name: &str| server.folder().join(name).display().to_string();
    let copy = path("copy.db");
    done(&server, &["backup", &copy]);
    let bytes = fs::read(&copy).expect("read");
    fs::write(path("text.txt"), "no database").expect("written");
    fs::write(path("cut.db"), &bytes[..bytes.len() / 2]).expect("written");
    SqliteConnection::establish(&path("other.db"))
        .expect("opens")
        .batch_execute("CREATE TABLE t (x)")
        .expect("made");
    let files = ["missing.db", "text.txt", "cut.db", "other.db"].map(path);
    stop(&mut server).await;
    for (file, problem) in files.iter().zip([
        "there is no file",
        "is not a database of this program: file is not a database",
        "is damaged: ",
        "is not a database of this program: no such table",
    ]) {
        let printed = refused(&server, &["restore", file]);
        assert!(printed.contains(problem), "{file}: {printed}");
    }
    let left = names(server.folder());
    assert!(!left.iter().any(|name| name.contains("replaced") || name.contains("unfinished")), "{left:?}");
    server.crash_and_restart().await;
    let ann = server.client().with_token(ann.token());
    assert_eq!(items(&ann.get("/api/v1/todos?per_page=100").await.expect(200).json()).len(), 50);
}

on_both_databases! {
    async fn check_finds_rows_that_disagree_and_repairs_totals(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        add(&ann, "milk").await;
        let gone = add(&ann, "tea").await;
        ann.delete(&at(&gone)).await.expect(204);
        add(&bob, "bread").await;
        let printed = done(&server, &["check"]);
        for line in [" 2 rows of users", " 3 rows of todos", "The database is consistent."] {
            assert!(printed.contains(line), "{line}: {printed}");
        }
        server.execute("UPDATE users SET digest = digest + 1, live_todos = 7 WHERE email = 'ann@example.com'");
        server.execute("UPDATE todos SET title = 'a longer text' WHERE title = 'bread'");
        let (code, printed) = exit_and_output(&server, &["check"]);
        assert_eq!(code, Some(3), "{printed}");
        for line in [": live_todos, digest is not what the todos say", ": stored_bytes is not what the todos say"] {
            assert!(printed.contains(line), "{line}: {printed}");
        }
        assert!(!printed.contains("longer text"), "{printed}");
        let printed = done(&server, &["check", "--repair"]);
        assert!(printed.contains("repaired the totals of 2 users"), "{printed}");
        done(&server, &["check"]);
        // The running server goes on from the repaired totals.
        add(&ann, "coffee").await;
        done(&server, &["check"]);
    }

    async fn a_new_epoch_can_end_every_session(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        let printed = done(&server, &["new-epoch", "--end-sessions"]);
        assert!(printed.contains("ended 1 sessions"), "{printed}");
        revoked(&ann, "AUTH_004").await;
    }
}
