//! Cursors that the server accepts, and cursors that require a resync.

use blackbox_tests::on_both_databases;

use serde_json::{Value, json};

use crate::support::{add, everything, id, sync, text, texts};

const SYNC: &str = "/api/v1/todos/sync";

on_both_databases! {
    async fn a_cursor_of_another_history_is_refused_and_nothing_is_written(server: Server) {
        let ann = server.client().new_user().await;
        add(&ann, "milk").await;
        let here = sync(&ann, json!({})).await;
        let cursor = text(&here["sync_timestamp"]).to_owned();
        let before = everything(&ann).await;
        let todos = json!([{"id": id(1), "text": "never"}]);
        for body in [
            // Ahead of the user's clock.
            json!({"last_sync": "9998-01-01T00:00:00Z"}),
            json!({"last_sync": "9998-01-01T00:00:00Z", "todos": todos}),
            // Of another epoch.
            json!({"last_sync": cursor, "epoch": "another", "todos": todos}),
            json!({"last_sync": cursor, "epoch": UNKNOWN_EPOCH}),
        ] {
            ann.post(SYNC, body).await.expect_problem(410, "SYNC_001");
        }
        let gone = ann.post(SYNC, json!({"last_sync": "9998-01-01T00:00:00Z", "todos": todos})).await;
        gone.expect_problem(410, "SYNC_001");
        let details = &gone.json()["details"];
        assert_eq!((&details["reason"], &details["restored_to"]), (&json!("restored"), &json!(cursor)));
        assert!(details["epoch"].is_string() && details["horizon"].is_string(), "{gone}");
        let unknown = ann.post(SYNC, json!({"last_sync": cursor, "epoch": UNKNOWN_EPOCH})).await;
        assert_eq!(unknown.json()["details"]["restored_to"], Value::Null, "{unknown}");
        assert_eq!(everything(&ann).await, before);
        // A device without a cursor has nothing to continue, whatever epoch it names.
        sync(&ann, json!({"last_sync": null, "epoch": UNKNOWN_EPOCH})).await;
        // The right cursor and epoch are accepted.
        let on = sync(&ann, json!({"last_sync": cursor, "epoch": here["epoch"], "todos": todos})).await;
        assert_eq!(on["applied"], json!([id(1)]));
    }

    async fn a_cursor_truncated_to_milliseconds_repeats_changes_but_misses_none(server: Server) {
        let ann = server.client().new_user().await;
        add(&ann, "milk").await;
        let cursor = text(&sync(&ann, json!({})).await["sync_timestamp"]).to_owned();
        let cut = format!("{}Z", &cursor[..23]);
        let again = sync(&ann, json!({"last_sync": cut})).await;
        assert!(texts(&again["server_changes"]).len() <= 1);
        add(&ann, "bread").await;
        let after = sync(&ann, json!({"last_sync": cut})).await;
        assert!(texts(&after["server_changes"]).contains(&"bread"));
        // An offset in place of `Z` names the same instant.
        let offset = cursor.replace('Z', "+00:00");
        assert_eq!(texts(&sync(&ann, json!({"last_sync": offset})).await["server_changes"]), ["bread"]);
    }

    async fn cursors_and_the_epoch_survive_a_restart(server: Server) {
        let mut server = server;
        let ann = server.client().new_user().await;
        add(&ann, "milk").await;
        let before = sync(&ann, json!({})).await;
        server.crash_and_restart().await;
        let ann = server.client().with_token(ann.token());
        add(&ann, "bread").await;
        let after =
            sync(&ann, json!({"last_sync": before["sync_timestamp"], "epoch": before["epoch"]})).await;
        assert_eq!(texts(&after["server_changes"]), ["bread"]);
        assert_eq!(after["epoch"], before["epoch"]);
    }
}

const UNKNOWN_EPOCH: &str = "018f3a6e-ffff-7000-8000-000000000000";
