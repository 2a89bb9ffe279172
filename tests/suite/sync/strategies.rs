//! The result of a stale change under each strategy.

use blackbox_tests::on_both_databases;
use expect_test::expect;
use serde_json::json;

use crate::support::{add, at, sync, text};

on_both_databases! {
    async fn each_strategy_answers_a_stale_edit_and_a_stale_deletion(server: Server) {
        let ann = server.client().new_user().await;
        let mut transcript = Vec::new();
        for strategy in ["manual", "merge", "last_write_wins", "client_wins"] {
            for (what, change) in [
                ("edits the same field", json!({"text": "soy milk", "updated_at": "2020-01-01T00:00:00Z"})),
                ("edits it later", json!({"text": "soy milk", "updated_at": "9000-01-01T00:00:00Z"})),
                ("edits it without a time", json!({"text": "soy milk"})),
                ("edits another field", json!({"completed": true, "updated_at": "9000-01-01T00:00:00Z"})),
                ("deletes it", json!({"deleted": true, "updated_at": "2020-01-01T00:00:00Z"})),
            ] {
                let todo = add(&ann, "milk").await;
                ann.patch(&at(&todo), json!({"text": "oat milk"})).await.expect(200);
                let mut change = change;
                (change["id"], change["version"]) = (todo["id"].clone(), json!(1));
                let answer = sync(&ann, json!({"strategy": strategy, "todos": [change]})).await;
                let (conflict, rejected) = (&answer["conflicts"][0], &answer["rejected"][0]);
                let result = if conflict.is_object() {
                    assert_eq!(conflict["resolution_strategy"], strategy);
                    format!("conflict in {}, resolved: {}", conflict["fields"], conflict["resolved"])
                } else if rejected.is_object() {
                    format!("rejected, {}", rejected["message"])
                } else {
                    assert_eq!(answer["applied"], json!([todo["id"]]));
                    format!("applied as version {}", answer["versions"][text(&todo["id"])])
                };
                let now = ann.get(&format!("{}?include_deleted=true", at(&todo))).await.expect(200).json();
                let deleted = if now["deleted_at"].is_null() { "" } else { ", deleted" };
                transcript.push(format!(
                    "{strategy} {what}: {result}: {}, {}{deleted}\n", now["text"], now["completed"]
                ));
            }
        }
        expect![[r#"
            manual edits the same field: conflict in ["text"], resolved: null: "oat milk", false
            manual edits it later: conflict in ["text"], resolved: null: "oat milk", false
            manual edits it without a time: conflict in ["text"], resolved: null: "oat milk", false
            manual edits another field: conflict in ["completed"], resolved: null: "oat milk", false
            manual deletes it: conflict in ["deleted"], resolved: null: "oat milk", false
            merge edits the same field: conflict in ["text"], resolved: null: "oat milk", false
            merge edits it later: conflict in ["text"], resolved: null: "oat milk", false
            merge edits it without a time: conflict in ["text"], resolved: null: "oat milk", false
            merge edits another field: applied as version 3: "oat milk", true
            merge deletes it: conflict in ["deleted"], resolved: "server": "oat milk", false
            last_write_wins edits the same field: conflict in ["text"], resolved: "server": "oat milk", false
            last_write_wins edits it later: applied as version 3: "soy milk", false
            last_write_wins edits it without a time: rejected, "updated_at is required under last_write_wins": "oat milk", false
            last_write_wins edits another field: applied as version 3: "oat milk", true
            last_write_wins deletes it: conflict in ["deleted"], resolved: "server": "oat milk", false
            client_wins edits the same field: applied as version 3: "soy milk", false
            client_wins edits it later: applied as version 3: "soy milk", false
            client_wins edits it without a time: applied as version 3: "soy milk", false
            client_wins edits another field: applied as version 3: "oat milk", true
            client_wins deletes it: applied as version 3: "oat milk", false, deleted
        "#]]
        .assert_eq(&transcript.concat());
    }

    async fn a_device_alone_never_sees_a_conflict_whatever_answers_it_loses(server: Server) {
        let ann = server.client().new_user().await;
        for strategy in ["manual", "merge", "last_write_wins", "client_wins"] {
            let id = add(&ann, "milk").await["id"].clone();
            let named = |name: &str| json!({"id": id, "text": name, "version": 1, "updated_at": "2020-01-01T00:00:00Z"});
            let first = sync(&ann, json!({"strategy": strategy, "todos": [named("milk and bread")]})).await;
            assert_eq!(first["applied"], json!([id]), "the answer is lost");
            let again = [named("milk and bread"), named("milk, bread, eggs")];
            let answer = sync(&ann, json!({"strategy": strategy, "todos": again})).await;
            assert_eq!((&answer["conflicts"], &answer["rejected"]), (&json!([]), &json!([])), "{strategy}");
            assert_eq!(answer["applied"], json!([id, id]));
            assert_eq!(answer["versions"][text(&id)], 3);
            let now = ann.get(&format!("/api/v1/todos/{}", text(&id))).await.expect(200).json();
            assert_eq!(now["text"], "milk, bread, eggs");
        }
    }

    async fn a_merge_applies_what_is_not_in_conflict(server: Server) {
        let ann = server.client().new_user().await;
        let todo = add(&ann, "milk").await;
        ann.patch(&at(&todo), json!({"text": "oat milk"})).await.expect(200);
        let change = json!({"id": todo["id"], "version": 1, "text": "soy milk", "completed": true});
        for (applied_fields, version) in [(json!(["completed"]), 3), (json!([]), 3)] {
            let answer = sync(&ann, json!({"strategy": "merge", "todos": [change]})).await;
            let conflict = &answer["conflicts"][0];
            assert_eq!((&conflict["fields"], &conflict["applied_fields"]), (&json!(["text"]), &applied_fields));
            assert_eq!((&conflict["resolved"], &conflict["server_version"]), (&json!(null), &json!(version)));
            let shown = &conflict["server_data"];
            assert_eq!((&shown["text"], &shown["completed"]), (&json!("oat milk"), &json!(true)));
            assert_eq!(ann.get(&at(&todo)).await.expect(200).json(), *shown);
        }
    }
}
