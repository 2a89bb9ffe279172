//! Expensive requests of one user run one at a time.

use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::test::TestRequest;
use api_actix::per_user_gate::HeavyWork;
use futures_util::future::join;
use serde_json::json;

use crate::harness::{TestApi, User, get, patch, post};

/// Two users. From here on time passes only while every task waits.
async fn two_users() -> (TestApi, User, User) {
    let api = TestApi::new();
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    tokio::time::pause();
    (api, ann, bob)
}

fn expensive_reads(user: &User) -> Vec<TestRequest> {
    vec![
        TestRequest::get().uri("/api/tasks"),
        TestRequest::get().uri(&format!("/api/{}/tasks", user.id)),
        post("/todos/sync", json!({})),
        get("/todos?search=milk"),
        get("/todos?sort=alpha"),
        get("/todos?filter=active"),
        get("/todos?include_deleted=true"),
        get("/todos?page=100"),
        TestRequest::get().uri("/todos?sort_by=title"),
        TestRequest::get().uri("/todos?skip=5000"),
    ]
}

#[actix_web::test]
async fn lists_syncs_and_searches_of_a_user_queue_and_time_out() {
    let (api, ann, bob) = two_users().await;
    let turn = api.turns.try_acquire(ann.id, HeavyWork::Read).expect("the slot is free");
    for request in expensive_reads(&ann) {
        let refused = api.send(ann.ask(request)).await;
        refused.refused(429, "RATE_001");
        assert_eq!(refused.header("retry-after"), Some("1"));
        let message = refused.body["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("Too many such requests at once"), "{message}");
    }
    for request in expensive_reads(&bob) {
        api.send(bob.ask(request)).await.expect(200);
    }
    for light in [get("/todos"), get("/todos?search="), get("/todos?page=2"), get("/users/me")] {
        api.send(ann.ask(light)).await.expect(200);
    }
    api.send(ann.ask(patch("/users/me", json!({"display_name": "Ann"})))).await.expect(200);
    drop(turn);
    for request in expensive_reads(&ann) {
        api.send(ann.ask(request)).await.expect(200);
    }
}

#[actix_web::test]
async fn a_queued_request_is_answered_once_the_previous_one_is_done() {
    let (api, ann, _) = two_users().await;
    let turn = api.turns.try_acquire(ann.id, HeavyWork::Read);
    let release = async {
        sleep(Duration::from_secs(1)).await;
        drop(turn);
    };
    let (answered, ()) = join(api.send(ann.ask(get("/todos?search=milk"))), release).await;
    assert_eq!(answered.status, 200);
}

#[actix_web::test]
async fn a_queued_request_is_refused_if_its_session_ends() {
    let (api, ann, _) = two_users().await;
    let turn = api.turns.try_acquire(ann.id, HeavyWork::Read);
    let log_out = async {
        sleep(Duration::from_secs(1)).await;
        api.send(ann.ask(post("/auth/logout", json!({})))).await.expect(204);
        drop(turn);
    };
    let (refused, ()) = join(api.send(ann.ask(post("/todos/sync", json!({})))), log_out).await;
    refused.refused(401, "AUTH_004");
}

#[actix_web::test]
async fn a_user_has_one_export_at_a_time() {
    let (api, ann, bob) = two_users().await;
    let first = api.respond(ann.ask(get("/users/me/export")).to_request()).await.expect("a response");
    assert_eq!(first.status().as_u16(), 200);
    let second = api.send(ann.ask(get("/users/me/export"))).await;
    assert_eq!((second.refusal(), second.header("retry-after")), ((429, "RATE_001"), Some("1")));
    api.send(bob.ask(get("/users/me/export"))).await.expect(200);
    drop(first);
    for _ in 0..2 {
        api.send(ann.ask(get("/users/me/export"))).await.expect(200);
    }
}
