//! Why the server closes a socket.

use blackbox_tests::server::SECRET_KEY;
use blackbox_tests::{Database, Server, Socket, on_both_databases};
use jsonwebtoken::{EncodingKey, dangerous, encode};
use serde_json::{Value, json};

use crate::support::{add, log_in, text};

on_both_databases! {
    async fn a_session_that_ends_takes_its_sockets_along_and_no_others(server: Server) {
        let url = server.socket_url();
        let (phone, _) = server.client().register("ann@example.com").await;
        let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let (mut one, _) = Socket::ready(&url, phone.token(), "").await;
        let (mut two, _) = Socket::ready(&url, phone.token(), "").await;
        let (mut other, _) = Socket::ready(&url, laptop.token(), "").await;
        phone.post("/api/v1/auth/logout", json!({})).await.expect(204);
        assert_eq!((one.closed().await, two.closed().await), (4401, 4401));
        add(&laptop, "still here").await;
        assert_eq!(other.next().await["type"], "todo_created");
        // All of them.
        laptop.post("/api/v1/auth/logout", json!({"all": true})).await.expect(204);
        assert_eq!(other.closed().await, 4401);
    }

    async fn a_new_password_closes_the_sockets_of_the_other_sessions(server: Server) {
        let url = server.socket_url();
        let (phone, _) = server.client().register("ann@example.com").await;
        let (laptop, _) = log_in(&server.client(), "ann@example.com", "laptop").await;
        let (mut own, _) = Socket::ready(&url, phone.token(), "").await;
        let (mut other, _) = Socket::ready(&url, laptop.token(), "").await;
        let body =
            json!({"current_password": blackbox_tests::client::PASSWORD, "new_password": "Other-Horse-8"});
        phone.post("/api/v1/auth/change-password", body).await.expect(204);
        assert_eq!(other.closed().await, 4401);
        assert_eq!(own.drain().await, Vec::<Value>::new());
    }

    async fn a_server_that_stops_says_goodbye_with_1012(server: Server) {
        let mut server = server;
        let url = server.socket_url();
        let ann = server.client().new_user().await;
        let (mut socket, _) = Socket::ready(&url, ann.token(), "").await;
        let todo = add(&ann, "last").await;
        server.terminate();
        let told = socket.next().await;
        assert_eq!(told["todo"], todo);
        assert_eq!(socket.closed().await, 1012);
        assert!(server.ended().await.success(), "{}", server.logs());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_token() {
    let server = Server::start(Database::Sqlite).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let data = dangerous::insecure_decode::<Value>(ann.token()).expect("a token");
    let mut claims = data.claims;
    claims["exp"] = json!(claims["iat"].as_i64().expect("a number") + 3);
    let key = EncodingKey::from_secret(SECRET_KEY.as_bytes());
    let short = encode(&data.header, &claims, &key).expect("it can be signed");
    let (mut socket, _) = Socket::ready(&server.socket_url(), &short, "").await;
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_too_slow_to_drain_is_told_to_resync_and_closed() {
    let server = Server::start(Database::Sqlite).await;
    let ann = server.client().new_user().await;
    let (mut slow, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    let description = "x".repeat(9_000);
    // Far more than the buffers of two sockets hold.
    for round in 0..16 {
        let todos: Vec<_> =
            (0..200).map(|n| json!({"text": format!("{round} {n}"), "description": description})).collect();
        ann.post("/api/v1/todos/bulk", json!({"todos": todos})).await.expect(201);
    }
    let mut last = json!(null);
    let code = loop {
        match slow.next_or_close().await {
            Ok(message) => last = message,
            Err(code) => break code,
        }
    };
    assert_eq!((text(&last["type"]), code), ("resync_required", 1013));
    // Others were never held up, and it may come back.
    Socket::ready(&server.socket_url(), ann.token(), "").await;
}
