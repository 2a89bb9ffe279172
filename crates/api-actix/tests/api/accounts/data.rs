//! The export, and the public keys.

use std::collections::BTreeSet;
use std::future::poll_fn;

use actix_web::body::MessageBody as _;
use actix_web::test::TestRequest;
use domain::TodoId;
use domain::todo::Base;
use domain_testkit::build::{create, delete, retitle, todo_id};
use serde_json::{Value, json};

use crate::harness::{TestApi, get, post};

#[actix_web::test]
async fn an_export_holds_all_data_of_its_user_and_no_other() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let bob = api.register("bob").await;
    let ids: Vec<_> = (0..1001).map(|_| todo_id()).collect();
    let creations = ids.iter().map(|id| create(*id, "Buy \"milk\""));
    let changes = creations.chain([delete(ids[3])]);
    api.commit(ann.id, changes).await;
    api.commit(bob.id, [create(todo_id(), "Bob's")]).await;

    let export = api.send(ann.ask(get("/users/me/export"))).await;
    assert_eq!(export.status, 200);
    assert!(export.header("content-disposition").is_some_and(|value| value.starts_with("attachment")));
    assert_eq!(export.header("cache-control"), Some("private, no-store"));
    let todos = export.body["todos"].as_array().expect("a list");
    let exported: BTreeSet<_> = todos.iter().filter_map(|todo| todo["id"].as_str()).collect();
    assert_eq!((todos.len(), exported.len()), (1001, 1001));
    assert!(ids.iter().all(|id| exported.contains(id.0.to_string().as_str())));
    let tombstones: Vec<_> = todos.iter().filter(|todo| !todo["deleted_at"].is_null()).collect();
    assert_eq!(tombstones.len(), 1);
    assert_eq!((&todos[0]["text"], todos[0]["number"].is_i64()), (&json!("Buy \"milk\""), true));
    assert_eq!(export.body["user"]["email"], "ann@example.com");
    assert_eq!(export.body["sessions"][0]["client_id"], "phone");
    assert_eq!(
        export.body["mails"],
        json!([{"template": "verify_email", "to": "ann@example.com", "sent_at": null}])
    );
    assert_eq!(export.body["identities"], json!([]));
}

#[actix_web::test]
async fn a_todo_that_changes_during_the_export_appears_once() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let ids: Vec<_> = (0..600).map(|_| todo_id()).collect();
    api.commit(ann.id, ids.iter().map(|id| create(*id, "before"))).await;

    let response = api.respond(ann.ask(get("/users/me/export")).to_request()).await.expect("a response");
    let mut body = Box::pin(response.into_body());
    let mut document = Vec::new();
    let mut read = 0;
    while let Some(part) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        document.extend(part.unwrap_or_else(|_| panic!("the body broke off")));
        read += 1;
        if read == 2 {
            // The head and the first page of 50 todos are read: change one of them and one of the next page.
            let retitled = |n: usize| retitle(ids[n], Base::Current, "after");
            api.commit(ann.id, [retitled(0), retitled(50)]).await;
        }
    }
    let export: Value = serde_json::from_slice(&document).expect("a whole document");
    let texts = |id: &TodoId| {
        let todos = export["todos"].as_array().expect("a list").iter();
        let same = todos.filter(|todo| todo["id"] == id.0.to_string());
        same.map(|todo| todo["text"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((texts(&ids[0]), texts(&ids[50])), (vec!["before".to_owned()], vec!["after".to_owned()]));
    assert!(ids.iter().all(|id| texts(id).len() == 1));
    assert!(read > 2, "the body arrives in parts");
}

#[actix_web::test]
async fn an_export_is_cut_off_when_its_session_ends() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    api.commit(ann.id, (0..200).map(|_| create(todo_id(), "Buy milk"))).await;
    let response = api.respond(ann.ask(get("/users/me/export")).to_request()).await.expect("a response");
    let mut body = Box::pin(response.into_body());
    for _ in 0..2 {
        let part = poll_fn(|context| body.as_mut().poll_next(context)).await;
        assert!(part.is_some_and(|part| part.is_ok()), "the session has not ended yet");
    }
    api.send(ann.ask(post("/auth/logout", json!({})))).await.expect(204);
    // What was read before may still follow.
    loop {
        let next = poll_fn(|context| body.as_mut().poll_next(context)).await;
        if next.expect("the body is not complete").is_err() {
            break;
        }
    }
}

#[actix_web::test]
async fn an_export_without_todos_is_a_whole_document() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    let export = api.send(ann.ask(get("/users/me/export"))).await;
    assert_eq!(export.body["todos"], json!([]));
}

#[actix_web::test]
async fn an_export_that_cannot_start_is_refused() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    api.store.set_available(false);
    api.send(ann.ask(get("/users/me/export"))).await.refused(503, "SERVER_001");
}

#[actix_web::test]
async fn the_public_keys_need_no_token() {
    let api = TestApi::new();
    let keys = api.send(TestRequest::get().uri("/.well-known/jwks.json")).await;
    assert_eq!((keys.status, &keys.body), (200, &json!({"keys": [{"kty": "OKP", "kid": "1"}]})));
    assert_eq!(keys.header("cache-control"), Some("public, max-age=300"));
}
