//! All contracts share todos and tokens.

use serde_json::{Value, json};

use crate::harness::TestApi;

#[actix_web::test]
async fn a_todo_changed_through_any_surface_is_visible_on_all_and_in_sync() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let token = ann.token.as_str();
    let mut cursor = Value::Null;
    let mut synced = async |api: &TestApi| {
        let body = json!({"client_id": "phone", "last_sync": cursor, "todos": []});
        let answer = api.post(token, "/api/v1/todos/sync", body).await.expect(200);
        cursor = answer["sync_timestamp"].clone();
        answer["server_changes"].as_array().expect("changes").clone()
    };

    let made = api.post(token, "/todos", json!({"title": "Buy milk"})).await.expect(201);
    let uuid = made["id"].as_str().expect("text").to_owned();
    let seen = synced(&api).await;
    assert_eq!((seen.len(), &seen[0]["text"], &seen[0]["version"]), (1, &json!("Buy milk"), &json!(1)));

    let listed = api.get(token, "/api/tasks").await.expect(200);
    let number = listed[0]["id"].as_i64().expect("an integer");
    let body = json!({"completed": true});
    api.patch(token, &format!("/api/tasks/{number}/complete"), body).await.expect(200);
    let seen = synced(&api).await;
    assert_eq!((&seen[0]["id"], &seen[0]["completed"]), (&json!(uuid), &json!(true)));
    assert!(api.get(token, &format!("/todos/{uuid}")).await.expect(200)["completed_at"].is_string());

    let mine = format!("/api/{}/tasks/{number}", ann.id);
    api.patch(token, &format!("{mine}/complete"), Value::Null).await.expect(200);
    api.patch(token, &format!("/api/v1/todos/{uuid}"), json!({"text": "t".repeat(300)})).await.expect(200);
    let seen = synced(&api).await;
    assert_eq!((seen.len(), &seen[0]["completed"], &seen[0]["version"]), (1, &json!(false), &json!(4)));
    // The task contract returns a longer title than it accepts.
    let task = api.get(token, &mine).await.expect(200);
    assert_eq!(task["title"].as_str().map(str::len), Some(300));
    api.put(token, &mine, json!({"description": "blue"})).await.expect(200);
    api.put(token, &mine, json!({"title": "t".repeat(300)})).await.refused(400, "VALIDATION_005");
    assert_eq!(synced(&api).await[0]["description"], "blue");

    api.delete(token, &format!("/api/tasks/{number}")).await.expect(200);
    let seen = synced(&api).await;
    assert!(seen[0]["deleted_at"].is_string(), "{seen:?}");
    for path in [&format!("/todos/{uuid}"), &mine, &format!("/api/v1/todos/{uuid}")] {
        api.get(token, path).await.refused(404, "RESOURCE_001");
    }
    // A restored todo is back on every surface, with the same number.
    api.post(token, &format!("/api/v1/todos/{uuid}/restore"), Value::Null).await.expect(200);
    assert_eq!(api.get(token, &mine).await.expect(200)["id"], number);
    api.delete(token, &format!("/todos/{uuid}")).await.expect(204);
    assert!(synced(&api).await[0]["deleted_at"].is_string());

    // Each of the eight changes is published as an event.
    assert_eq!(api.bus.so_far(ann.id).len(), 8);
}

#[actix_web::test]
async fn a_token_of_any_surface_is_accepted_on_all() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let account = json!({"email": "ann@example.com", "password": crate::harness::PASSWORD});
    let week = api.post("", "/api/auth/signin", account.clone()).await.expect(200);
    let v1 = api.post("", "/api/v1/auth/login", account).await.expect(200);
    let tokens = [
        &ann.token,
        week["access_token"].as_str().expect("text"),
        v1["access_token"].as_str().expect("text"),
    ];
    for token in tokens {
        for path in ["/todos", "/api/tasks", &format!("/api/{}/tasks", ann.id), "/api/v1/todos"] {
            api.get(token, path).await.expect(200);
        }
    }
}
