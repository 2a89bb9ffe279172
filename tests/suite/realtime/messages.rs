//! What a client may say, and what it gets for anything else.

use blackbox_tests::{Database, Server, Socket, on_both_databases};
use serde_json::json;

use crate::support::add;

on_both_databases! {
    async fn a_ping_tells_the_users_newest_stamp(server: Server) {
        let ann = server.client().new_user().await;
        let (mut socket, ready) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        socket.send(r#"{"type": "ping"}"#).await;
        let pong = socket.next().await;
        assert_eq!(pong, json!({"type": "pong", "sync_timestamp": ready["sync_timestamp"]}));
        let todo = add(&ann, "milk").await;
        assert_eq!(socket.next().await["type"], "todo_created");
        socket.send(r#"{"type": "ping", "more": "is ignored"}"#).await;
        assert_eq!(socket.next().await, json!({"type": "pong", "sync_timestamp": todo["updated_at"]}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_else_gets_an_error_and_the_socket_stays_open() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    for nonsense in [
        "",
        "ping",
        "{}",
        "[]",
        "{\"type\": \"subscribe\"}",
        "{\"type\": 7}",
        "\u{0}",
        "{\"type\": \"ping\"",
        "[[[[[",
    ] {
        socket.send(nonsense).await;
        let error = socket.next().await;
        assert_eq!(error["type"], "error", "{nonsense:?}: {error}");
        assert!(error["error_code"].as_str().is_some_and(|code| code.starts_with("VALIDATION_")), "{error}");
        assert!(error["message"].is_string(), "{error}");
    }
    socket.send_binary(vec![0xff, 0xfe, 0x00]).await;
    assert_eq!(socket.next().await["type"], "error");
    add(&ann, "still here").await;
    assert_eq!(socket.next().await["todo"]["text"], "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_four_kibibytes_closes_the_socket() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    let padded = |bytes: usize| format!("{{\"type\": \"ping\", \"pad\": \"{}\"}}", "x".repeat(bytes - 27));
    assert_eq!(padded(4096).len(), 4096);
    socket.send(&padded(4096)).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.send(&padded(4097)).await;
    assert_eq!(socket.closed().await, 1009);
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    socket.send_binary(vec![0; 1_000_000]).await;
    assert_eq!(socket.closed().await, 1009);
}
