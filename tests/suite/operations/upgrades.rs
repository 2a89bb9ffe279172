//! Databases of earlier versions.

use blackbox_tests::on_both_databases;
use blackbox_tests::server::command;
use serde_json::json;

use crate::support::{add, at, log_in, refresh, sync, texts};

on_both_databases! {
    async fn a_database_of_every_earlier_schema_is_served_with_its_data(server: Server) {
        let mut server = server;
        let (ann, mut tokens) = server.client().register("ann@example.com").await;
        let (lost, lost_tokens) = log_in(&server.client(), "ann@example.com", "lost phone").await;
        lost.post("/api/v1/auth/logout", json!({})).await.expect(204);
        let body = json!({"text": "Ünï 🦀", "description": "two\nlines", "completed": true});
        ann.post("/api/v1/todos", body).await.expect(201);
        let gone = add(&ann, "gone").await;
        ann.delete(&at(&gone)).await.expect(204);
        add(&ann, "milk").await;
        let whole = json!({"include_deleted": true});
        let before = sync(&ann, whole.clone()).await;
        assert_eq!(texts(&before["server_changes"]), ["Ünï 🦀", "gone", "milk"]);
        let cursor = json!({"last_sync": before["sync_timestamp"], "epoch": before["epoch"], "include_deleted": true});
        let migrate = |settings: &[(String, String)], folder: &std::path::Path, arguments: &[&str]| {
            let done = command(folder, settings).arg("migrate").args(arguments).output().expect("it runs");
            let printed = String::from_utf8_lossy(&done.stdout).into_owned();
            assert!(done.status.success(), "{printed}{}", String::from_utf8_lossy(&done.stderr));
            printed
        };
        let migrations = migrate(server.settings(), server.folder(), &["status"]).lines().count();
        // All but the first, which makes the tables.
        for steps in 1..migrations {
            server.terminate();
            assert!(server.ended().await.success(), "{}", server.logs());
            for _ in 0..steps {
                migrate(server.settings(), server.folder(), &["down", "--yes"]);
            }
            let status = migrate(server.settings(), server.folder(), &["status"]);
            assert_eq!(status.lines().filter(|line| line.starts_with("pending")).count(), steps, "{status}");
            server.crash_and_restart().await;
            // The device of before goes on: its session, its refresh token and its cursor.
            tokens = refresh(&server.client(), &tokens).await.expect(200).json();
            let ann = server.client().with_token(ann.token());
            let later = sync(&ann, cursor.clone()).await;
            assert_eq!(later["server_changes"], json!([]), "{steps} migrations");
            assert_eq!(later["epoch"], before["epoch"], "{steps} migrations");
            // A session that had ended has not come back.
            let lost = server.client().with_token(lost.token());
            lost.get("/api/v1/todos").await.expect_problem(401, "AUTH_004");
            refresh(&server.client(), &lost_tokens).await.expect_problem(401, "AUTH_004");
            let (other, _) = log_in(&server.client(), "ann@example.com", "phone").await;
            let after = sync(&other, whole.clone()).await;
            assert_eq!(after["server_changes"], before["server_changes"], "{steps} migrations");
            assert_eq!(after["digest"], before["digest"], "{steps} migrations");
        }
        let done = command(server.folder(), server.settings()).arg("check").output().expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }
}
