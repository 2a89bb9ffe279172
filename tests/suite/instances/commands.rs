//! Commands beside running servers: sockets and sessions learn of what they change.

use std::time::{Duration, Instant};

use blackbox_tests::server::{TIMEOUT, command};
use blackbox_tests::{Client, Server, Socket, on_both_databases, on_postgres};
use tokio::time::sleep;

use crate::support::{add, revoked, total};

/// Runs a command beside the server, which must succeed.
async fn run(server: &Server, arguments: &[&str]) {
    let mut command = command(server.folder(), server.settings());
    command.args(arguments);
    let done =
        tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Imports a file of `count` tasks for Ann.
async fn import(server: &Server, name: &str, count: usize) {
    let file = server.folder().join(format!("{name}.csv"));
    let lines: Vec<_> = (0..count).map(|n| format!("task,{name} {n},1\n")).collect();
    std::fs::write(&file, format!("TYPE,CONTENT,INDENT\n{}", lines.concat())).expect("it is written");
    run(server, &["import", &file.display().to_string(), "--user", "ann@example.com"]).await;
}

async fn ann(server: &Server) -> (Client, Socket) {
    let (ann, _) = server.client().register("ann@example.com").await;
    let (socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    (ann, socket)
}

on_both_databases! {
    async fn sockets_report_what_a_command_imports_in_order_with_what_the_server_writes(server: Server) {
        let (ann, mut socket) = ann(&server).await;
        add(&ann, "before").await;
        assert_eq!(socket.next().await["todo"]["text"], "before");
        import(&server, "imported", 150).await;
        let mut stamps = Vec::new();
        for event in socket.take(150).await {
            assert_eq!(event["type"], "todo_created", "{event}");
            stamps.push(event["todo"]["updated_at"].to_string());
        }
        assert!(stamps.is_sorted_by(|a, b| a < b), "each once, in order: {stamps:?}");
        // The server's own event comes after the changes that it was not told of.
        import(&server, "more", 2).await;
        add(&ann, "after").await;
        let texts: Vec<_> = socket.take(3).await.iter().map(|event| event["todo"]["text"].clone()).collect();
        assert_eq!(texts.last().expect("three"), "after", "{texts:?}");
    }
}

/// Waits until the server has heard more than `before` messages on the bus.
async fn heard_more(server: &Server, before: f64) -> f64 {
    let start = Instant::now();
    loop {
        let heard = total(server, "realtime_bus_messages_received_total").await;
        if heard > before {
            return heard;
        }
        assert!(start.elapsed() < TIMEOUT, "nothing was announced");
        sleep(Duration::from_millis(20)).await;
    }
}

on_postgres! {
    async fn commands_announce_what_they_change(server: Server) {
        let (_, mut socket) = ann(&server).await;
        let heard = heard_more(&server, -1.0).await;
        assert!(heard < 1.0, "the only instance");
        import(&server, "imported", 1).await;
        let heard = heard_more(&server, heard).await;
        assert_eq!(socket.next().await["type"], "todo_created");
        run(&server, &["user", "disable", "ann@example.com"]).await;
        let heard = heard_more(&server, heard).await;
        assert_eq!(socket.closed().await, 4401);
        run(&server, &["user", "enable", "ann@example.com"]).await;
        let heard = heard_more(&server, heard).await;
        run(&server, &["user", "revoke", "ann@example.com"]).await;
        let heard = heard_more(&server, heard).await;
        let (bob, _) = server.client().register("bob@example.com").await;
        run(&server, &["new-epoch", "--end-sessions"]).await;
        let heard = heard_more(&server, heard).await;
        revoked(&bob, "AUTH_004").await;
        run(&server, &["user", "delete", "ann@example.com", "--yes"]).await;
        let heard = heard_more(&server, heard).await;
        // What only reads announces nothing.
        run(&server, &["user", "list"]).await;
        assert!((total(&server, "realtime_bus_messages_received_total").await - heard).abs() < 0.5);
    }
}
