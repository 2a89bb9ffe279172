//! One todo through every contract.

use blackbox_tests::{Socket, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{items, sync, text};

on_both_databases! {
    async fn a_change_through_any_contract_reaches_sockets_and_sync(server: Server) {
        let (ann, tokens) = server.client().register("ann@example.com").await;
        let user = text(&tokens["user"]["id"]);
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        let mut cursor = Value::Null;
        let mut step = async |kind: &str| {
            let event = socket.next().await;
            assert_eq!(event["type"], kind, "{event}");
            let answer = sync(&ann, json!({"last_sync": cursor})).await;
            cursor = answer["sync_timestamp"].clone();
            assert_eq!(items(&answer["server_changes"]).len(), 1, "{answer}");
            answer["server_changes"][0].clone()
        };

        let todo = ann.post("/todos", json!({"title": "Buy milk"})).await.expect(201).json();
        assert_eq!(step("todo_created").await["text"], "Buy milk");
        let uuid = text(&todo["id"]);
        let number = ann.get("/api/tasks").await.expect(200).json()[0]["id"].clone();

        ann.patch(&format!("/api/tasks/{number}/complete"), json!({"completed": true})).await.expect(200);
        assert_eq!(step("todo_updated").await["completed"], true);
        let mine = format!("/api/{user}/tasks/{number}");
        ann.send(ann.request(Method::PATCH, &format!("{mine}/complete"))).await.expect(200);
        assert_eq!(step("todo_updated").await["completed"], false);
        ann.patch(&format!("/api/v1/todos/{uuid}"), json!({"text": "Buy oat milk"})).await.expect(200);
        assert_eq!(step("todo_updated").await["version"], 4);
        assert_eq!(ann.get(&mine).await.expect(200).json()["title"], "Buy oat milk");
        ann.put(&format!("/todos/{uuid}"), json!({"description": "blue"})).await.expect(200);
        assert_eq!(step("todo_updated").await["description"], "blue");
        ann.delete(&mine).await.expect(200);
        assert!(step("todo_deleted").await["deleted_at"].is_string());
        for path in
            [format!("/todos/{uuid}"), format!("/api/tasks/{number}"), format!("/api/v1/todos/{uuid}")]
        {
            ann.get(&path).await.expect_problem(404, "RESOURCE_001");
        }
    }
}
