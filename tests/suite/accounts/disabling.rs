//! An operator disables an account in the database.

use std::time::{Duration, Instant};

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Client, Socket, on_both_databases};
use serde_json::json;

use crate::support::{refresh, revoked};

/// The time within which every instance knows of the change.
const IN_TIME: Duration = Duration::from_secs(2);

/// Waits until the server accepts the client's token.
async fn admitted_in_time(client: &Client) {
    let start = Instant::now();
    while client.get("/api/v1/todos").await.status != 200 {
        assert!(start.elapsed() < IN_TIME, "the account is still locked out");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both_databases! {
    async fn a_disabled_account_is_locked_out_within_two_seconds(server: Server) {
        let (ann, tokens) = server.client().register("ann@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
        let (mut of_bob, _) = Socket::ready(&server.socket_url(), bob.token(), "").await;
        let disabled = Instant::now();
        server.execute("UPDATE users SET is_active = false WHERE email = 'ann@example.com'");
        revoked(&ann, "AUTH_007").await;
        assert_eq!(socket.closed().await, 4401);
        assert!(disabled.elapsed() < IN_TIME, "the socket closes in time too");
        assert_eq!(Socket::open(&server.socket_url(), ann.token(), "").await.err(), Some(401));
        refresh(&server.client(), &tokens).await.expect_problem(401, "AUTH_007");
        let login = json!({"email": "ann@example.com", "password": PASSWORD});
        server.client().post("/api/v1/auth/login", login.clone()).await.expect_problem(401, "AUTH_007");
        bob.get("/api/v1/todos").await.expect(200);
        assert_eq!(of_bob.drain().await.len(), 0);

        // Once the account is enabled again, its sessions continue: none of them had ended.
        server.execute("UPDATE users SET is_active = true WHERE email = 'ann@example.com'");
        admitted_in_time(&ann).await;
        refresh(&server.client(), &tokens).await.expect(200);
        server.client().post("/api/v1/auth/login", login).await.expect(200);
    }
}
