//! SIGTERM: readiness fails, requests in flight finish, the process exits with 0.

use blackbox_tests::{Database, Server, Socket, Wire, on_both_databases};

use crate::support::{add, everything, items, until};

on_both_databases! {
    async fn a_request_in_flight_finishes_and_the_process_exits_with_0(server: Server) {
        let mut server = server;
        let ann = server.client().new_user().await;
        add(&ann, "before").await;
        // The body of this request is still arriving when the signal comes.
        let body = r#"{"text": "in flight"}"#;
        let head = format!(
            "POST /api/v1/todos HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Length: {}\r\n\r\n",
            ann.token(),
            body.len()
        );
        let mut wire = Wire::connect(&server.base_url).await;
        wire.send(head.as_bytes()).await;
        wire.read_continue().await;
        wire.send(&body.as_bytes()[..5]).await;
        // A load balancer probes on a connection that it already has.
        let mut probe = Wire::connect(&server.base_url).await;
        probe.send(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n").await;
        server.terminate();
        until("the log of the stop", || server.logs().contains("\"stopping").then_some(())).await;
        probe.send(b"Connection: close\r\n\r\n").await;
        assert_eq!(probe.answer().await.status, 503, "the server is not ready while it shuts down");
        wire.send(&body.as_bytes()[5..]).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 201, "{answer}");
        let status = server.ended().await;
        assert_eq!(status.code(), Some(0), "{}", server.logs());

        let again =
            Server::start_on(server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"), &[])
                .await;
        let ann = again.client().with_token(ann.token());
        assert_eq!(items(&everything(&ann).await).len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_the_server_accepts_requests_and_is_not_ready() {
    // Longer than the test takes: the second signal ends it.
    let mut server = Server::start_with(Database::Sqlite, &[("DRAIN_SECONDS", "600")]).await;
    let ann = server.client().new_user().await;
    let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    server.terminate();
    until("the log of the stop", || server.logs().contains("\"stopping").then_some(())).await;
    let todo = add(&server.client().with_token(ann.token()), "while it drains").await;
    assert_eq!(socket.next().await["todo"], todo);
    assert_eq!(server.client().get("/health/ready").await.status, 503);
    let kept = server.client().with_token(ann.token()).get("/api/v1/todos").await.expect(200);
    assert_eq!(
        kept.header("connection"),
        "close",
        "the client opens another connection, to another instance"
    );
    server.client().get("/health/live").await.expect(200);
    server.terminate();
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", server.logs());
}
