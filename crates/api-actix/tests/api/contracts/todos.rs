//! The token contract, as a transcript of a client.

use domain_testkit::build::uuid;
use domain_testkit::check_each;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestApi};

#[actix_web::test]
async fn a_transcript_of_the_token_contract() {
    let api = TestApi::new();

    // Registering returns the account without a token.
    let account = json!({"email": "Ann@example.com", "password": PASSWORD});
    let registered = api.post("", "/auth/register", account.clone()).await.expect(201);
    let members: Vec<_> = registered.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["created_at", "email", "id"]);
    assert_eq!(registered["email"], "Ann@example.com");

    // Logging in returns both tokens, the refresh token also as a cookie.
    let answer = api.post("", "/auth/login", account).await;
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    let tokens = answer.expect(200);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(3600)));
    let (token, refresh) =
        (tokens["access_token"].as_str().expect("text"), tokens["refresh_token"].as_str().expect("text"));
    assert!(cookie.starts_with(&format!("refresh_token={refresh};")), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/auth/refresh", "Max-Age=604800"] {
        assert!(cookie.contains(part), "{cookie}");
    }

    let body = json!({"title": "  Buy milk ", "description": "blue carton", "user_id": "someone"});
    let answer = api.post(token, "/todos", body).await;
    let location = answer.header("location").expect("a location").to_owned();
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let milk = answer.expect(201);
    assert_eq!(location, format!("/todos/{}", milk["id"].as_str().expect("text")));
    let mut members: Vec<_> = milk.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    let expected =
        ["completed_at", "created_at", "description", "id", "is_completed", "title", "updated_at", "user_id"];
    assert_eq!(members, expected);
    assert_eq!((&milk["title"], &milk["is_completed"]), (&json!("Buy milk"), &json!(false)));
    assert_eq!(milk["user_id"], registered["id"]);
    assert_eq!(api.get(token, &location).await.expect(200), milk);

    // The time of completion follows `is_completed`.
    let done = api.put(token, &location, json!({"is_completed": true})).await.expect(200);
    assert_eq!((&done["is_completed"], &done["title"]), (&json!(true), &json!("Buy milk")));
    assert!(done["completed_at"].is_string(), "{done}");
    let undone = api.put(token, &location, json!({"is_completed": false, "description": null})).await;
    let undone = undone.expect(200);
    assert_eq!((&undone["completed_at"], &undone["description"]), (&Value::Null, &Value::Null));

    // A deleted todo is not found.
    assert_eq!(api.delete(token, &location).await.expect(204), Value::Null);
    api.get(token, &location).await.refused(404, "RESOURCE_001");
    api.put(token, &location, json!({"title": "Back"})).await.refused(404, "RESOURCE_001");
    api.delete(token, &location).await.refused(404, "RESOURCE_001");
}

#[actix_web::test]
async fn a_list_is_paged_filtered_and_sorted() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    for (title, done) in [("banana", false), ("Apple", true), ("cherry", true)] {
        let todo = api.post(&ann.token, "/todos", json!({"title": title})).await.expect(201);
        let path = format!("/todos/{}", todo["id"].as_str().expect("text"));
        if done {
            api.put(&ann.token, &path, json!({"is_completed": true})).await.expect(200);
        }
    }
    let queries = [
        ("", vec!["cherry", "Apple", "banana"], 3, false),
        ("?sort_order=asc", vec!["banana", "Apple", "cherry"], 3, false),
        ("?sort_by=title&sort_order=asc", vec!["Apple", "banana", "cherry"], 3, false),
        ("?sort_by=completed_at", vec!["cherry", "Apple", "banana"], 3, false),
        ("?sort_by=completed_at&sort_order=asc", vec!["Apple", "cherry", "banana"], 3, false),
        ("?is_completed=true", vec!["cherry", "Apple"], 2, false),
        ("?is_completed=false", vec!["banana"], 1, false),
        ("?limit=1", vec!["cherry"], 3, true),
        ("?skip=1&limit=1", vec!["Apple"], 3, true),
        ("?skip=2&limit=1&unknown=1", vec!["banana"], 3, false),
        ("?skip=9007199254740991", vec![], 3, false),
    ];
    check_each(queries, async |(query, titles, total, has_more)| {
        let page = api.get(&ann.token, &format!("/todos{query}")).await.expect(200);
        let found: Vec<_> = page["items"].as_array().expect("items").iter().map(|i| &i["title"]).collect();
        assert_eq!(found, *titles);
        assert_eq!((&page["total"], &page["has_more"]), (&json!(total), &json!(has_more)));
    })
    .await;
    let page = api.get(&ann.token, "/todos?skip=1").await.expect(200);
    assert_eq!((&page["skip"], &page["limit"]), (&json!(1), &json!(20)));
}

#[actix_web::test]
async fn an_unknown_or_malformed_id_is_not_found() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    for path in [format!("/todos/{}", uuid()), "/todos/1".to_owned(), "/todos/x%20y".to_owned()] {
        api.get(&ann.token, &path).await.refused(404, "RESOURCE_001");
        api.delete(&ann.token, &path).await.refused(404, "RESOURCE_001");
    }
}

#[actix_web::test]
async fn an_id_that_two_users_share_names_the_todo_of_the_caller() {
    let api = TestApi::new();
    let (ann, bob) = (api.user("ann").await, api.user("bob").await);
    let todo = api.post(&ann.token, "/todos", json!({"title": "Ann's"})).await.expect(201);
    let path = format!("/todos/{}", todo["id"].as_str().expect("text"));
    let same = json!({"id": todo["id"], "text": "Bob's"});
    api.post(&bob.token, "/api/v1/todos", same).await.expect(201);
    assert_eq!(api.get(&bob.token, &path).await.expect(200)["title"], "Bob's");
    assert_eq!(api.get(&ann.token, &path).await.expect(200), todo);
    api.delete(&ann.token, &path).await.expect(204);
    api.get(&ann.token, &path).await.refused(403, "AUTHZ_001");
}
