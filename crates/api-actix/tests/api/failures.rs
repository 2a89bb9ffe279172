//! Failures and refusals that hold for every operation of v1.

use std::time::Duration;

use actix_web::http::Method;
use domain::session::Grant;
use domain::user::HasherError;
use domain::{SessionId, TokenId, UserId};
use domain_testkit::build::{T0, todo_id, uuid};
use domain_testkit::check_each;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestApi, get, narrowed, post, sign};

#[actix_web::test]
async fn a_panic_is_reported_in_one_plain_sentence() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    api.store.fail_with(Some(|| panic!("a secret of the handler")));
    let failed = api.send(ann.ask(get("/todos"))).await;
    failed.refused(500, "SERVER_002");
    assert!(!failed.body.to_string().contains("secret"), "{failed:?}");
}

#[actix_web::test]
async fn a_busy_hasher_asks_the_client_to_try_again() {
    let api = TestApi::new();
    api.hasher.fail_with(|| HasherError::Busy);
    let account = json!({"email": "ann@example.com", "password": PASSWORD});
    let busy = api.send(post("/auth/register", account)).await;
    busy.refused(429, "RATE_001");
    assert_eq!(busy.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn every_operation_names_the_scope_that_the_token_lacks() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let (read, write, account) = ("todos:read", "todos:write", "account");
    let (todos, todo, sync) = ("/api/v1/todos", "/api/v1/todos/{id}", "/api/v1/todos/sync");
    let cases = [
        (Method::GET, todos, "todos:write+account", read),
        (Method::GET, todo, "todos:write+account", read),
        (Method::POST, todos, "todos:read+account", write),
        (Method::DELETE, todo, read, write),
        (Method::POST, sync, read, write),
        (Method::POST, sync, write, read),
        (Method::GET, "/api/v1/users/me", "todos:read+todos:write", account),
        (Method::PATCH, "/api/v1/users/me", write, account),
        (Method::DELETE, "/api/v1/users/me", write, account),
        (Method::GET, "/api/v1/users/me/export", write, account),
        (Method::GET, "/api/v1/users/me/devices", write, account),
        (Method::DELETE, "/api/v1/users/me/devices/{id}", write, account),
        (Method::POST, "/api/v1/auth/logout", "todos:read+todos:write", account),
        (Method::POST, "/api/v1/auth/resend-verification", write, account),
        (Method::POST, "/api/v1/auth/oauth/acme/link", write, account),
        (Method::DELETE, "/api/v1/auth/oauth/acme", write, account),
    ];
    check_each(cases, async |(method, path, scopes, missing)| {
        let path = path.replace("{id}", &todo_id().to_string());
        let token = narrowed(&ann.token, scopes);
        let refused = api.call(&token, method.clone(), &path, json!({"text": "Buy milk"})).await;
        refused.refused(403, "AUTHZ_002");
        assert_eq!(refused.body["details"]["scope"], *missing);
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{missing}""#);
        assert_eq!(refused.header("www-authenticate"), Some(challenge.as_str()));
    })
    .await;
}

#[actix_web::test]
async fn every_operation_refuses_a_user_who_no_longer_exists() {
    let api = TestApi::new();
    let (user, session, token) = (UserId(uuid()), SessionId(uuid()), TokenId(uuid()));
    let expires_at = T0.plus(Duration::from_hours(1));
    let token = sign(&Grant { token, user, email: None, session, issued_at: T0, expires_at });
    let todo = json!({"id": todo_id().to_string(), "text": "Buy milk"});
    let items = json!({"todos": [todo]});
    let cases = [
        (Method::GET, "/api/v1/todos", Value::Null),
        (Method::POST, "/api/v1/todos", todo.clone()),
        (Method::PATCH, "/api/v1/todos/{id}", json!({"text": "Buy milk"})),
        (Method::DELETE, "/api/v1/todos/{id}", Value::Null),
        (Method::POST, "/api/v1/todos/bulk", items.clone()),
        (Method::PATCH, "/api/v1/todos/bulk", items.clone()),
        (Method::POST, "/api/v1/todos/sync", items.clone()),
        (Method::GET, "/api/v1/users/me", Value::Null),
        (Method::PATCH, "/api/v1/users/me", json!({"display_name": "Ann"})),
    ];
    check_each(cases, async |(method, path, body)| {
        let path = path.replace("{id}", &todo_id().to_string());
        api.call(&token, method.clone(), &path, body.clone()).await.refused(401, "AUTH_007");
    })
    .await;
}
