//! `/api/auth` and `/api/{user_id}/tasks`.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::on_both_databases;
use reqwest::Method;
use serde_json::json;

use super::{account, task_user};
use crate::support::{items, text};

on_both_databases! {
    async fn a_transcript_of_the_user_task_contract(server: Server) {
        let client = server.client();
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "name": "Ann"});
        let signed_up = client.post("/api/auth/signup", body).await.expect(201).json();
        assert_eq!(signed_up["expires_in"], 604_800);
        assert_eq!(signed_up["user"]["name"], "Ann");
        let signed_in = client.post("/api/auth/signin", account("ann@example.com")).await.expect(200).json();
        assert_eq!(signed_in["user"], signed_up["user"]);
        let ann = client.with_token(text(&signed_in["access_token"]));
        let tasks = format!("/api/{}/tasks", text(&signed_in["user"]["id"]));

        let milk = ann.post(&tasks, json!({"title": "Buy milk"})).await.expect(201).json();
        let path = format!("{tasks}/{}", milk["id"]);
        assert_eq!(ann.get(&path).await.expect(200).json(), milk);
        let changed = ann.put(&path, json!({"description": "blue"})).await.expect(200).json();
        assert_eq!((&changed["title"], &changed["description"]), (&json!("Buy milk"), &json!("blue")));
        let complete = format!("{path}/complete");
        for done in [true, false, true] {
            let toggled = ann.send(ann.request(Method::PATCH, &complete)).await.expect(200).json();
            assert_eq!(toggled["completed"], done);
        }
        for (status, count) in [("all", 1), ("pending", 0), ("completed", 1)] {
            let list = ann.get(&format!("{tasks}?status={status}")).await.expect(200).json();
            assert_eq!(items(&list).len(), count, "{status}");
        }

        let (bob, own) = task_user(&client, "bob@example.com").await;
        for path in [&path, &"/api/unknown-user/tasks".to_owned()] {
            bob.get(path).await.expect_problem(403, "AUTHZ_001");
        }
        bob.get(&format!("{own}/{}", milk["id"])).await.expect_problem(404, "RESOURCE_001");

        let deleted = ann.delete(&path).await.expect(200).json();
        assert_eq!(deleted, json!({"message": "Task deleted successfully"}));
        ann.get(&path).await.expect_problem(404, "RESOURCE_001");
    }
}
