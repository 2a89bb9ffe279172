//! When the server closes a socket, and with which code.

use blackbox_tests::{Socket, on_both_databases};
use serde_json::{Value, json};

use crate::support::{add, log_in};

on_both_databases! {
    async fn ending_a_session_closes_its_sockets_and_no_others(server: Server) {
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
        // Ending every session closes the other socket too.
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

    async fn a_server_that_shuts_down_closes_its_sockets_with_1012(server: Server) {
        let mut server = server;
        let url = server.socket_url();
        let ann = server.client().new_user().await;
        let (mut socket, _) = Socket::ready(&url, ann.token(), "").await;
        let todo = add(&ann, "last").await;
        server.terminate();
        let event = socket.next().await;
        assert_eq!(event["todo"], todo);
        assert_eq!(socket.closed().await, 1012);
        assert!(server.ended().await.success(), "{}", server.logs());
    }
}
