//! Failures and refusals that hold for every operation of v1.

use actix_web::test::TestRequest;
use domain::account::HasherError;
use domain::session::Grant;
use domain::{SessionId, TokenId, UserId};
use domain_testkit::build::{T0, todo_id, uuid};
use serde_json::json;

use crate::harness::{Setup, TestApi, User, delete, get, patch, post, sign};

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
    let account = json!({"email": "ann@example.com", "password": crate::harness::PASSWORD});
    let busy = api.send(post("/auth/register", account)).await;
    busy.refused(429, "RATE_001");
    assert_eq!(busy.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn every_operation_names_the_scope_that_the_token_lacks() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let todo = format!("/todos/{}", todo_id().0);
    let body = json!({"text": "Buy milk"});
    let (read, write, account) = ("todos:read", "todos:write", "account");
    for (request, scopes, missing) in [
        (get("/todos"), "todos:write+account", read),
        (get(&todo), "todos:write+account", read),
        (post("/todos", body.clone()), "todos:read+account", write),
        (delete(&todo), read, write),
        (post("/todos/sync", body.clone()), read, write),
        (post("/todos/sync", body), write, read),
        (get("/users/me"), "todos:read+todos:write", account),
        (patch("/users/me", json!({})), "todos:read+todos:write", account),
        (delete("/users/me"), "todos:read+todos:write", account),
        (get("/users/me/export"), "todos:read+todos:write", account),
        (get("/users/me/devices"), "todos:read+todos:write", account),
        (delete("/users/me/devices/00000000-0000-7000-8000-000000000000"), write, account),
        (post("/auth/logout", json!({})), "todos:read+todos:write", account),
        (post("/auth/resend-verification", json!({})), write, account),
        (post("/auth/oauth/acme/link", json!({})), write, account),
        (delete("/auth/oauth/acme"), write, account),
    ] {
        let refused = api.send(ann.narrowed(scopes).ask(request)).await;
        refused.refused(403, "AUTHZ_002");
        assert_eq!(refused.body["details"]["scope"], missing, "{refused:?}");
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{missing}""#);
        assert_eq!(refused.header("www-authenticate"), Some(challenge.as_str()));
    }
}

#[actix_web::test]
async fn every_operation_refuses_a_user_who_no_longer_exists() {
    let api = TestApi::with(Setup::default());
    let (id, session, token) = (UserId(uuid()), SessionId(uuid()), TokenId(uuid()));
    let grant = Grant { token, user: id, email: None, session, issued_at: T0, expires_at: T0.next() };
    let gone = User { id, email: String::new(), token: sign(&grant), refresh: String::new() };
    let id = todo_id().0;
    let todo = format!("/todos/{id}");
    let items = json!({"todos": [{"id": id, "text": "Buy milk"}]});
    for request in [
        get("/todos"),
        post("/todos", items["todos"][0].clone()),
        patch(&todo, items["todos"][0].clone()),
        delete(&todo),
        post("/todos/bulk", items.clone()),
        patch("/todos/bulk", items.clone()),
        post("/todos/sync", items),
        get("/users/me"),
        TestRequest::patch().uri("/api/v1/users/me").set_json(json!({"display_name": "Ann"})),
    ] {
        api.send(gone.ask(request)).await.refused(401, "AUTH_007");
    }
}
