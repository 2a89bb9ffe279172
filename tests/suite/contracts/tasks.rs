//! `/api/tasks`.

use blackbox_tests::on_both_databases;
use serde_json::json;

use crate::support::{items, members};

on_both_databases! {
    async fn a_transcript_of_the_task_contract(server: Server) {
        let (ann, tokens) = server.client().register("ann@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;

        let body = json!({"title": "Buy milk", "user_id": "another-user", "completed": true});
        let created = ann.post("/api/tasks", body).await.expect(201);
        let path = created.header("location").to_owned();
        let milk = created.json();
        assert_eq!((&milk["user_id"], &milk["completed"]), (&tokens["user"]["id"], &json!(false)));
        assert!(milk["id"].is_i64(), "{milk}");

        let complete = format!("{path}/complete");
        let done = ann.patch(&complete, json!({"completed": true})).await.expect(200).json();
        assert_eq!(done["completed"], true);
        ann.post("/api/tasks", json!({"title": "Buy bread"})).await.expect(201);
        for (query, titles) in [
            ("", json!(["Buy bread", "Buy milk"])),
            ("?status=pending", json!(["Buy bread"])),
            ("?status=completed", json!(["Buy milk"])),
            ("?limit=1&offset=1", json!(["Buy milk"])),
        ] {
            let list = ann.get(&format!("/api/tasks{query}")).await.expect(200);
            assert_eq!(members(&list.json(), "title"), titles, "{query}");
        }
        assert_eq!(ann.get("/api/tasks?limit=1").await.header("x-total-count"), "2");

        let put = json!({"title": "Buy oat milk", "completed": false});
        assert_eq!(ann.put(&path, put).await.expect(200).json()["title"], "Buy oat milk");
        ann.put(&path, json!({"completed": true})).await.expect_problem(400, "VALIDATION_004");
        for path in [path.as_str(), "/api/tasks/999999999"] {
            bob.get(path).await.expect_problem(404, "RESOURCE_001");
        }

        let deleted = ann.delete(&path).await.expect(200).json();
        assert_eq!(deleted, json!({"message": "Task deleted successfully"}));
        ann.get(&path).await.expect_problem(404, "RESOURCE_001");
    }

    async fn a_long_list_is_complete(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        for part in 0..3 {
            let todos: Vec<_> = (0..1000).map(|n| json!({"text": format!("task {part} {n}")})).collect();
            ann.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
        }
        let list = ann.get("/api/tasks").await.expect(200);
        assert_eq!(list.header("x-total-count"), "3000");
        let list = list.json();
        let mut numbers: Vec<_> = items(&list).iter().map(|task| task["id"].as_i64()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 3000);
    }
}
