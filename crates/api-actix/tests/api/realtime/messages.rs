//! Events, and what a client may send.

use domain::todo::Base;
use domain_testkit::build::{create, delete, restore, retitle, todo_id};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::server::{Server, creations};

#[actix_web::test]
async fn every_kind_of_change_is_sent_as_an_event() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    let id = todo_id();
    server.commit(user.id, [create(id, "Buy milk")]).await;
    let created = socket.next().await;
    let stamp = created["todo"]["updated_at"].clone();
    assert_eq!(
        created,
        json!({"type": "todo_created", "todo": {
            "id": id.0, "text": "Buy milk", "description": null, "completed": false, "completed_at": null,
            "metadata": {}, "version": 1, "client_id": null, "created_at": stamp, "updated_at": stamp, "deleted_at": null,
        }})
    );
    server.commit(user.id, [retitle(id, Base::Current, "Buy oat milk"), delete(id), restore(id)]).await;
    let updated = socket.next().await;
    assert_eq!(
        (&updated["type"], &updated["todo"]["text"]),
        (&json!("todo_updated"), &json!("Buy oat milk"))
    );
    let deleted = socket.next().await;
    let at = deleted["updated_at"].clone();
    assert_eq!(deleted, json!({"type": "todo_deleted", "todo_id": id.0, "version": 3, "updated_at": at}));
    let restored = socket.next().await;
    assert_eq!((&restored["type"], &restored["todo"]["version"]), (&json!("todo_restored"), &json!(4)));
    let stamps = [&stamp, &updated["todo"]["updated_at"], &at, &restored["todo"]["updated_at"]];
    assert!(stamps.map(|stamp| stamp.as_str()).is_sorted_by(|a, b| a < b), "{stamps:?}");
}

#[actix_web::test]
async fn events_reach_all_sockets_of_their_user_and_no_others() {
    let server = Server::start();
    let (ann, bob) = (server.user().await, server.user().await);
    let (mut phone, _) = server.live(&ann, "").await;
    let (mut laptop, _) = server.live(&ann.elsewhere(), "").await;
    let (mut foreign, _) = server.live(&bob, "").await;
    server.commit(ann.id, [create(todo_id(), "Ann's")]).await;
    server.commit(bob.id, [create(todo_id(), "Bob's")]).await;
    assert_eq!(phone.next().await["todo"]["text"], "Ann's");
    assert_eq!(laptop.next().await["todo"]["text"], "Ann's");
    assert_eq!(foreign.next().await["todo"]["text"], "Bob's");
}

#[actix_web::test]
async fn a_commit_of_a_thousand_todos_reaches_a_socket_that_keeps_up() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    server.commit(user.id, creations(1_000)).await;
    for n in 0..1_000 {
        assert_eq!(socket.next().await["todo"]["text"], format!("todo {n}"));
    }
}

#[actix_web::test]
async fn a_ping_is_answered_with_the_newest_stamp() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, ready) = server.live(&user, "").await;
    socket.send(r#"{"type": "ping"}"#).await;
    assert_eq!(
        socket.next().await,
        json!({"type": "pong", "sync_timestamp": ready, "epoch": server.epoch(user.id).await})
    );
    server.commit(user.id, [create(todo_id(), "Buy milk")]).await;
    let created = socket.next().await;
    socket.send(r#"{"type": "ping", "unknown": [1]}"#).await;
    let pong = json!({"type": "pong", "sync_timestamp": created["todo"]["updated_at"], "epoch": server.epoch(user.id).await});
    assert_eq!(socket.next().await, pong);
    socket.send(Message::Ping("are you there".into())).await;
    assert_eq!(socket.frame().await, Some(Message::Pong("are you there".into())));
}

#[actix_web::test]
async fn a_ping_during_an_outage_is_answered_with_an_error() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    server.store.fail_next(1);
    socket.send(r#"{"type": "ping"}"#).await;
    assert_eq!(socket.next().await["error_code"], "SERVER_001");
    socket.send(r#"{"type": "ping"}"#).await;
    assert_eq!(socket.next().await["type"], "pong");
}

#[actix_web::test]
async fn any_other_message_gets_an_error_and_the_socket_stays_open() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    for (message, code) in [
        (Message::text("hello"), "VALIDATION_009"),
        (Message::text(""), "VALIDATION_009"),
        (Message::text(r#"{"type": "subscribe"}"#), "VALIDATION_006"),
        (Message::text(r#"{"type": 7}"#), "VALIDATION_006"),
        (Message::text("[]"), "VALIDATION_006"),
        (Message::text("{}"), "VALIDATION_006"),
        (Message::text("\0"), "VALIDATION_009"),
        (Message::text(r#"{"type": "ping""#), "VALIDATION_009"),
        (Message::binary(&br#"{"type": "ping"}"#[..]), "VALIDATION_006"),
        (Message::text("x".repeat(4096)), "VALIDATION_009"),
    ] {
        socket.send(message).await;
        let error = socket.next().await;
        assert_eq!((&error["type"], &error["error_code"]), (&json!("error"), &json!(code)), "{error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    socket.send(r#"{"type": "ping"}"#).await;
    assert_eq!(socket.next().await["type"], "pong");
}

#[actix_web::test]
async fn every_ping_of_a_flood_is_answered() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    for _ in 0..400 {
        socket.send(r#"{"type": "ping"}"#).await;
    }
    for _ in 0..400 {
        assert_eq!(socket.next().await["type"], "pong");
    }
}
