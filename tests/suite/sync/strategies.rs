//! What becomes of a stale change, by strategy.

use blackbox_tests::{Client, on_both_databases};
use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{add, at, sync, text};

/// Syncs one change from the beginning.
async fn send(client: &Client, strategy: &str, change: Value) -> Value {
    sync(client, json!({"strategy": strategy, "todos": [change]})).await
}

/// A todo that somebody else has given another text, as version 2.
async fn edited(client: &Client) -> Value {
    let todo = add(client, "milk").await;
    client.patch(&at(&todo), json!({"text": "oat milk"})).await.expect(200);
    todo
}

async fn now(client: &Client, todo: &Value) -> Value {
    client.get(&format!("{}?include_deleted=true", at(todo))).await.expect(200).json()
}

on_both_databases! {
    async fn manual_shows_both_sides_and_writes_nothing(server: Server) {
        let ann = server.client().new_user().await;
        let todo = edited(&ann).await;
        let before = now(&ann, &todo).await;
        let change = json!({"id": todo["id"], "text": "soy milk", "completed": true, "version": 1});
        for body in [json!({"strategy": "manual", "todos": [change]}), json!({"todos": [change]})] {
            let answer = sync(&ann, body).await;
            assert_eq!(answer["applied"], json!([]));
            let conflict = &answer["conflicts"][0];
            assert_eq!(conflict["fields"], json!(["text", "completed"]));
            assert_eq!((&conflict["server_data"], &conflict["resolved"]), (&before, &Value::Null));
            assert_eq!((&conflict["client_version"], &conflict["server_version"]), (&json!(1), &json!(2)));
            assert_eq!(conflict["resolution_strategy"], "manual");
        }
        assert_eq!(now(&ann, &todo).await, before);
    }

    async fn merge_applies_what_nobody_else_changed(server: Server) {
        let ann = server.client().new_user().await;
        let todo = edited(&ann).await;
        let answer = send(&ann, "merge", json!({"id": todo["id"], "completed": true, "version": 1})).await;
        assert_eq!(answer["versions"], json!({text(&todo["id"]): 3}));
        let merged = now(&ann, &todo).await;
        assert_eq!((&merged["text"], &merged["completed"]), (&json!("oat milk"), &json!(true)));
        // A field changed on both sides to different values makes the whole todo a conflict.
        let change = json!({"id": todo["id"], "text": "soy milk", "description": "two", "version": 1});
        let answer = send(&ann, "merge", change).await;
        assert_eq!(answer["conflicts"][0]["fields"], json!(["text"]));
        assert_eq!(answer["conflicts"][0]["resolution_strategy"], "merge");
        assert_eq!(now(&ann, &todo).await, merged);
        // To the same value, it is none.
        let change = json!({"id": todo["id"], "text": "oat milk", "description": "two", "version": 1});
        assert_eq!(send(&ann, "merge", change).await["conflicts"], json!([]));
    }

    async fn under_merge_an_edit_beats_a_delete_and_a_delete_does_not_beat_an_edit(server: Server) {
        let ann = server.client().new_user().await;
        let deleted = add(&ann, "milk").await;
        ann.delete(&at(&deleted)).await.expect(204);
        let change = json!({"id": deleted["id"], "text": "oat milk", "version": 1});
        assert_eq!(send(&ann, "merge", change).await["applied"], json!([deleted["id"]]));
        let revived = now(&ann, &deleted).await;
        assert_eq!((&revived["text"], &revived["deleted_at"]), (&json!("oat milk"), &Value::Null));

        let todo = edited(&ann).await;
        let answer = send(&ann, "merge", json!({"id": todo["id"], "deleted": true, "version": 1})).await;
        let conflict = &answer["conflicts"][0];
        assert_eq!((&conflict["fields"], &conflict["resolved"]), (&json!(["deleted"]), &json!("server")));
        assert_eq!(now(&ann, &todo).await["deleted_at"], Value::Null);
    }

    async fn the_later_write_wins_by_the_clocks_of_both(server: Server) {
        let ann = server.client().new_user().await;
        let todo = edited(&ann).await;
        let change = |at: &str| json!({"id": todo["id"], "text": "soy milk", "version": 1, "updated_at": at});
        let early = send(&ann, "last_write_wins", change("2020-01-01T00:00:00Z")).await;
        assert_eq!(early["applied"], json!([]));
        assert_eq!(early["conflicts"][0]["resolved"], "server");
        assert_eq!(early["conflicts"][0]["server_data"]["text"], "oat milk");
        // A clock ahead of the server's counts as now.
        let late = send(&ann, "last_write_wins", change("9000-01-01T00:00:00Z")).await;
        assert_eq!(late["applied"], json!([todo["id"]]));
        let after = now(&ann, &todo).await;
        assert_eq!(after["text"], "soy milk");
        assert!(text(&after["updated_at"]) < "9000", "{after}");

        let unknown = json!({"id": todo["id"], "text": "rice milk", "version": 1});
        let answer = send(&ann, "last_write_wins", unknown).await;
        expect![[r#"
            [
              {
                "error_code": "VALIDATION_004",
                "id": "[id]",
                "index": 0,
                "message": "updated_at is required under last_write_wins"
              }
            ]"#]]
        .assert_eq(&format!("{:#}", answer["rejected"]).replace(text(&todo["id"]), "[id]"));
        assert_eq!(now(&ann, &todo).await, after);
    }

    async fn client_wins_applies_whatever_was_there(server: Server) {
        let ann = server.client().new_user().await;
        let todo = edited(&ann).await;
        let answer =
            send(&ann, "client_wins", json!({"id": todo["id"], "text": "soy milk", "version": 1})).await;
        assert_eq!(answer["versions"], json!({text(&todo["id"]): 3}));
        ann.delete(&at(&todo)).await.expect(204);
        let answer =
            send(&ann, "client_wins", json!({"id": todo["id"], "text": "rice milk", "version": 3})).await;
        assert_eq!(answer["applied"], json!([todo["id"]]));
        assert_eq!(
            now(&ann, &todo).await["deleted_at"],
            Value::Null,
            "an accepted edit is not hidden in a tombstone"
        );
    }

    async fn a_base_that_can_not_be_right_is_a_conflict_under_every_strategy(server: Server) {
        let ann = server.client().new_user().await;
        let todo = edited(&ann).await;
        let before = now(&ann, &todo).await;
        for strategy in ["manual", "merge", "last_write_wins", "client_wins"] {
            for version in [-1, 0, 3, 9_007_199_254_740_991_i64] {
                let change = json!({"id": todo["id"], "text": "soy milk", "version": version,
                                    "updated_at": "9000-01-01T00:00:00Z"});
                let answer = send(&ann, strategy, change).await;
                assert_eq!(answer["conflicts"][0]["client_version"], version, "{strategy}: {answer}");
                assert_eq!(answer["conflicts"][0]["resolved"], Value::Null, "{strategy}: {answer}");
            }
        }
        assert_eq!(now(&ann, &todo).await, before);
    }

    async fn what_is_in_place_already_is_applied_under_every_strategy_whatever_its_base(server: Server) {
        let ann = server.client().new_user().await;
        let todo = edited(&ann).await;
        let before = now(&ann, &todo).await;
        for strategy in ["manual", "merge", "last_write_wins", "client_wins"] {
            for version in [1, 2, 77] {
                let change = json!({"id": todo["id"], "text": "oat milk", "version": version,
                                    "updated_at": "2020-01-01T00:00:00Z"});
                let answer = send(&ann, strategy, change).await;
                assert_eq!(answer["versions"], json!({text(&todo["id"]): 2}), "{strategy}");
            }
        }
        assert_eq!(now(&ann, &todo).await, before);
    }
}
