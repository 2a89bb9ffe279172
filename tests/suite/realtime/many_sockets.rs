//! A thousand sockets on one instance.

use std::process::Command;

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Database, Server, Socket};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{add, text};

/// Raises the number of files that a process may have open.
fn raise_file_limit(pid: u32) {
    let raised = Command::new("prlimit").arg("--pid").arg(pid.to_string()).arg("--nofile=8192:").status();
    assert!(raised.is_ok_and(|status| status.success()), "`prlimit --nofile=8192:` is needed (util-linux)");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_a_thousand_sockets_receives_its_event() {
    let server = Server::start_with(Database::Sqlite, &[("BCRYPT_COST_FACTOR", "10")]).await;
    raise_file_limit(server.pid());
    raise_file_limit(std::process::id());
    let url = server.socket_url();
    let anonymous = server.client();
    let mut users = Vec::new();
    for n in 0..50 {
        let body = json!({"email": format!("user{n}@example.com"), "password": PASSWORD});
        let tokens = anonymous.post("/api/v1/auth/register", body).await.expect(201).json();
        users.push(anonymous.with_token(text(&tokens["access_token"])));
    }
    let mut sockets = Vec::new();
    for user in &users {
        let opened = join_all((0..20).map(|_| Socket::ready(&url, user.token(), ""))).await;
        sockets.extend(opened.into_iter().map(|(socket, _)| socket));
    }
    assert_eq!(sockets.len(), 1000);
    join_all(
        users.iter().enumerate().map(|(n, user)| async move { add(user, &format!("of user {n}")).await }),
    )
    .await;
    let events = join_all(sockets.iter_mut().map(Socket::next)).await;
    for (n, event) in events.iter().enumerate() {
        assert_eq!(event["todo"]["text"], format!("of user {}", n / 20));
    }
    let metrics = anonymous.get("/metrics").await.expect(200);
    assert!(
        metrics.text.lines().any(|line| line.contains("sockets") && line.ends_with(" 1000")),
        "{}",
        metrics.text
    );
}
