//! What is given away: the export, and the public keys.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use domain::todo::{Commit, TodoStore as _};
use domain_testkit::build::{T0, batch, create, delete, todo_id};
use serde_json::json;

use crate::server::{Server, get};

#[actix_web::test]
async fn the_export_holds_everything_of_the_user_and_nothing_of_others() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let bob = server.register("bob@example.com").await;
    let ids: Vec<_> = (0..1001).map(|_| todo_id()).collect();
    let creations = ids.iter().map(|id| create(*id, "Buy \"milk\""));
    let changes = creations.chain([delete(ids[3])]);
    let done = server.store.commit(ann.id, batch(changes), T0).await.expect("the store answers");
    assert!(matches!(done, Commit::Done(_)), "{done:?}");
    server.store.commit(bob.id, batch([create(todo_id(), "Bob's")]), T0).await.expect("the store answers");

    let export = server.send(ann.ask(get("/users/me/export"))).await;
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
async fn an_export_without_todos_is_a_whole_document() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    let export = server.send(ann.ask(get("/users/me/export"))).await;
    assert_eq!(export.body["todos"], json!([]));
}

#[actix_web::test]
async fn an_export_that_can_not_begin_is_refused() {
    let server = Server::start();
    let ann = server.register("ann@example.com").await;
    server.store.set_available(false);
    let export = server.send(ann.ask(get("/users/me/export"))).await;
    assert_eq!(export.refusal(), (503, "SERVER_001"));
}

#[actix_web::test]
async fn anybody_may_read_the_public_keys() {
    let server = Server::start();
    let keys = server.send(TestRequest::get().uri("/.well-known/jwks.json")).await;
    assert_eq!((keys.status, &keys.body), (200, &json!({"keys": [{"kty": "OKP", "kid": "1"}]})));
    assert_eq!(keys.header("cache-control"), Some("public, max-age=300"));
}
