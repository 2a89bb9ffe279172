//! The task contracts, as transcripts of a client.

use std::time::Duration;

use domain_testkit::check_each;
use serde_json::{Value, json};

use crate::harness::TestApi;

#[actix_web::test]
async fn a_transcript_of_the_task_contract() {
    let api = TestApi::new();
    let (ann, bob) = (api.user("ann").await, api.user("bob").await);

    // The token alone decides the owner.
    let body = json!({"title": "Buy milk", "description": "blue carton", "user_id": bob.id.to_string(), "completed": true});
    let answer = api.post(&ann.token, &format!("/api/tasks?user_id={}", bob.id), body).await;
    let location = answer.header("location").expect("a location").to_owned();
    let milk = answer.expect(201);
    let mut members: Vec<_> = milk.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["completed", "created_at", "description", "id", "title", "updated_at", "user_id"]);
    assert_eq!((&milk["user_id"], &milk["completed"]), (&json!(ann.id.to_string()), &json!(false)));
    assert_eq!(location, format!("/api/tasks/{}", milk["id"].as_i64().expect("an integer")));

    api.post(&ann.token, "/api/tasks", json!({"title": "Buy bread"})).await.expect(201);
    let done = api.patch(&ann.token, &format!("{location}/complete"), json!({"completed": true})).await;
    assert_eq!(done.expect(200)["completed"], true);
    let queries = [
        ("", vec!["Buy bread", "Buy milk"], "2"),
        ("?status=all", vec!["Buy bread", "Buy milk"], "2"),
        ("?status=pending", vec!["Buy bread"], "1"),
        ("?status=completed", vec!["Buy milk"], "1"),
        ("?limit=1", vec!["Buy bread"], "2"),
        ("?limit=1&offset=1", vec!["Buy milk"], "2"),
        ("?offset=1", vec!["Buy milk"], "2"),
        ("?offset=9007199254740991", vec![], "2"),
    ];
    check_each(queries, async |(query, titles, total)| {
        let answer = api.get(&ann.token, &format!("/api/tasks{query}")).await;
        assert_eq!(answer.header("x-total-count"), Some(*total));
        let tasks = answer.expect(200);
        let found: Vec<_> = tasks.as_array().expect("an array").iter().map(|task| &task["title"]).collect();
        assert_eq!(found, *titles);
    })
    .await;

    let body = json!({"title": "Buy oat milk", "description": null, "completed": false});
    let changed = api.put(&ann.token, &location, body).await.expect(200);
    assert_eq!((&changed["title"], &changed["description"]), (&json!("Buy oat milk"), &Value::Null));
    assert_eq!((&changed["id"], &changed["completed"]), (&milk["id"], &json!(false)));

    // The number of a deleted task is never used again.
    let deleted = api.delete(&ann.token, &location).await.expect(200);
    assert_eq!(deleted, json!({"message": "Task deleted successfully"}));
    api.get(&ann.token, &location).await.refused(404, "RESOURCE_001");
    api.delete(&ann.token, &location).await.refused(404, "RESOURCE_001");
    let next = api.post(&ann.token, "/api/tasks", json!({"title": "Next"})).await.expect(201);
    assert!(next["id"].as_i64() > milk["id"].as_i64(), "{next}");
    for nowhere in ["0", "-1", "01", "+1", "1.0", "x", "9223372036854775808"] {
        api.get(&ann.token, &format!("/api/tasks/{nowhere}")).await.refused(404, "RESOURCE_001");
    }
}

#[actix_web::test]
async fn a_transcript_of_the_user_task_contract() {
    let api = TestApi::new();

    // Signing up and in returns the user and a token for seven days.
    let account = json!({"email": "ann@example.com", "password": "ZebraStripe7", "name": "Ann"});
    let signed_up = api.post("", "/api/auth/signup", account.clone()).await.expect(201);
    assert_eq!((&signed_up["token_type"], &signed_up["expires_in"]), (&json!("bearer"), &json!(604_800)));
    let user = &signed_up["user"];
    let mut members: Vec<_> = user.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["created_at", "email", "id", "name"]);
    assert_eq!((&user["email"], &user["name"]), (&json!("ann@example.com"), &json!("Ann")));
    let signed_in = api.post("", "/api/auth/signin", account).await.expect(200);
    assert_eq!(&signed_in["user"], user);
    let token = signed_in["access_token"].as_str().expect("text");
    let id = user["id"].as_str().expect("text");
    let tasks = format!("/api/{id}/tasks");

    let answer = api.post(token, &tasks, json!({"title": "Buy milk", "user_id": "someone"})).await;
    let path = answer.header("location").expect("a location").to_owned();
    let milk = answer.expect(201);
    assert_eq!((&milk["user_id"], path.as_str()), (&json!(id), format!("{tasks}/{}", milk["id"]).as_str()));
    assert_eq!(api.get(token, &path).await.expect(200), milk);
    let changed = api.put(token, &path, json!({"description": "blue carton"})).await.expect(200);
    assert_eq!((&changed["title"], &changed["description"]), (&json!("Buy milk"), &json!("blue carton")));
    let complete = format!("{path}/complete");
    for done in [true, false, true] {
        let toggled = api.patch(token, &complete, Value::Null).await.expect(200);
        assert_eq!(toggled["completed"], done);
    }
    let listed = |query: &'static str| {
        let path = format!("{tasks}{query}");
        async { api.get(token, &{ path }).await.expect(200).as_array().expect("an array").len() }
    };
    assert_eq!(
        (listed("").await, listed("?status=pending").await, listed("?status=completed").await),
        (1, 0, 1)
    );

    // The path of another user is closed, even where it names nothing.
    let bob = api.user("bob").await;
    api.get(&bob.token, &format!("{tasks}/999999")).await.refused(403, "AUTHZ_001");
    let foreign = format!("/api/{}/tasks/{}", bob.id, milk["id"]);
    api.get(&bob.token, &foreign).await.refused(404, "RESOURCE_001");

    let deleted = api.delete(token, &path).await.expect(200);
    assert_eq!(deleted, json!({"message": "Task deleted successfully"}));
    api.get(token, &path).await.refused(404, "RESOURCE_001");
    assert_eq!(listed("").await, 0);

    // The token is valid for a week, unless its session ends.
    api.advance(Duration::from_hours(6 * 24));
    api.get(token, &tasks).await.expect(200);
    api.post(token, "/auth/logout", Value::Null).await.expect(200);
    api.get(token, &tasks).await.refused(401, "AUTH_004");
    let first = signed_up["access_token"].as_str().expect("text");
    api.get(first, &tasks).await.expect(200);
    api.advance(Duration::from_hours(25));
    api.get(first, &tasks).await.refused(401, "AUTH_002");
}

#[actix_web::test]
async fn a_sign_up_reports_every_bad_field_and_needs_no_special_character() {
    let api = TestApi::new();
    let body = json!({"email": "ann", "password": "short", "name": "n".repeat(101)});
    let answer = api.post("", "/api/auth/signup", body).await;
    answer.refused(400, "VALIDATION_001");
    let errors = answer.body["details"]["errors"].as_array().expect("errors").clone();
    let found: Vec<_> = errors.iter().map(|error| json!([error["field"], error["code"]])).collect();
    let bad = [["email", "VALIDATION_001"], ["password", "VALIDATION_002"], ["name", "VALIDATION_005"]];
    assert_eq!(json!(found), json!(bad));
    let account = json!({"email": "bob@example.com", "password": "ZebraStripe7"});
    assert_eq!(api.post("", "/api/auth/signup", account).await.expect(201)["user"]["name"], Value::Null);
}
