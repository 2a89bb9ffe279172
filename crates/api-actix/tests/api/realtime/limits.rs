//! Limits on sockets, on messages, and on clients that do not read.

use std::time::Duration;

use api_actix::realtime::{Heartbeat, Hub};
use domain::TodoId;
use domain::todo::{Base, Change, Edit};
use domain_testkit::build::{create, description, edit, todo_id};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::client::{Socket, TIMEOUT, masked};
use super::server::Server;
use crate::harness::Setup;

/// Polls until the condition holds.
pub async fn wait_until(holds: impl Fn() -> bool) {
    let polling = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, polling).await.expect("the condition holds in time");
}

async fn connections(server: &Server, count: usize) {
    wait_until(|| server.hub.connections() == count).await;
}

#[actix_web::test]
async fn the_21st_socket_is_refused_until_another_closes() {
    let server = Server::start();
    let user = server.user().await;
    let mut sockets = Vec::new();
    for _ in 0..Hub::SOCKETS_PER_USER {
        sockets.push(server.open(&user, "").await);
    }
    let refusal = Socket::open(server.address, &user.token(), "").await.err().expect("is refused");
    assert_eq!((refusal.status, &*refusal.code), (429, "RATE_001"));
    assert!(refusal.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    let _other_user = server.open(&server.user().await, "").await;

    // The first closes in order, the second is reset, the third is half-closed.
    let count = server.hub.connections();
    sockets[0].send(Message::Close(None)).await;
    connections(&server, count - 1).await;
    let cut = sockets.swap_remove(1).into_stream();
    cut.set_zero_linger().expect("a reset instead of an orderly close");
    drop(cut);
    connections(&server, count - 2).await;
    let mut half = sockets.swap_remove(1).into_stream();
    tokio::io::AsyncWriteExt::shutdown(&mut half).await.expect("half-closed");
    connections(&server, count - 3).await;
    for _ in 0..3 {
        sockets.push(server.open(&user, "").await);
    }
}

#[actix_web::test]
async fn of_a_hundred_concurrent_sockets_twenty_open() {
    let server = Server::start();
    let user = server.user().await;
    let attempts = (0..100).map(|_| async { Socket::open(server.address, &user.token(), "").await });
    let opened = futures_util::future::join_all(attempts).await;
    let (open, refused): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    assert_eq!((open.len(), refused.len()), (Hub::SOCKETS_PER_USER, 80));
    assert!(refused.into_iter().all(|refusal| refusal.is_err_and(|refusal| refusal.status == 429)));
    drop(open);
    connections(&server, 0).await;
}

#[actix_web::test]
async fn a_message_over_4_kib_closes_the_socket_even_in_fragments() {
    let server = Server::start();
    let user = server.user().await;
    let whole = masked(0x81, &[b'x'; 4097]);
    let fragments: Vec<u8> =
        [masked(0x01, &[b'x'; 2048]), masked(0x00, &[b'x'; 2048]), masked(0x80, b"x")].concat();
    // A frame header that announces 2^62 bytes, of which 100 follow.
    let announced: Vec<u8> = [&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &[0; 4], &[0; 100]].concat();
    for bytes in [whole, fragments, announced] {
        let (mut socket, _) = server.live(&user, "").await;
        socket.write(&bytes).await;
        assert_eq!(socket.closed().await, 1009);
    }
}

#[actix_web::test]
async fn a_protocol_error_closes_the_socket() {
    let server = Server::start();
    let user = server.user().await;
    let not_utf8 = masked(0x81, b"\"\xff\"");
    let not_utf8_in_fragments = [masked(0x01, b"\"\xc3"), masked(0x80, b"\"")].concat();
    let unmasked = vec![0x81, 0x01, b'x'];
    let reserved_bit = masked(0xc1, b"x");
    let unknown_opcode = masked(0x83, b"x");
    let stray_continuation = masked(0x80, b"x");
    let long_ping = masked(0x89, &[b'x'; 126]);
    for (bytes, code) in [
        (not_utf8, 1007),
        (not_utf8_in_fragments, 1007),
        (unmasked, 1002),
        (reserved_bit, 1002),
        (unknown_opcode, 1002),
        (stray_continuation, 1002),
        (long_ping, 1002),
    ] {
        let (mut socket, _) = server.live(&user, "").await;
        socket.write(&bytes).await;
        assert_eq!(socket.closed().await, code, "{bytes:02x?}");
    }
}

#[actix_web::test]
async fn a_fragmented_message_with_a_ping_in_between_is_assembled() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    socket.write(&masked(0x01, br#"{"type": "#)).await;
    socket.write(&masked(0x89, b"?")).await;
    assert_eq!(socket.frame().await, Some(Message::Pong("?".into())));
    for byte in masked(0x80, br#""ping"}"#) {
        socket.write(&[byte]).await;
    }
    assert_eq!(socket.next().await["type"], "pong");
}

/// An edit of about 40 KB.
fn large_edit(id: TodoId, n: usize) -> Change {
    let text = description(&format!("{n}{}", "\u{1f4a7}".repeat(9_990)));
    edit(id, Base::Current, Edit { description: Some(Some(text)), ..Edit::default() })
}

fn assert_in_order_then_resync(messages: &[Value], code: u16) {
    let (last, events) = messages.split_last().expect("at least one message");
    assert_eq!((last["type"].as_str(), code), (Some("resync_required"), 1013));
    let versions: Vec<_> = events.iter().map(|event| event["todo"]["version"].as_u64()).collect();
    let expected: Vec<_> = (1..).map(Some).take(versions.len()).collect();
    assert_eq!(versions, expected);
}

#[actix_web::test]
async fn a_client_that_does_not_read_must_resync_and_delays_no_other() {
    let server = Server::start();
    let user = server.user().await;
    let (mut quick, _) = server.live(&user, "").await;
    let mut slow = Socket::narrow(server.address, &user.token(), "").await;
    assert_eq!(slow.next().await["type"], "ready");
    let id = todo_id();
    server.commit(user.id, [create(id, "Heavy")]).await;
    assert_eq!(quick.next().await["todo"]["version"], 1);
    for n in 0..800 {
        server.commit(user.id, [large_edit(id, n)]).await;
        assert_eq!(quick.next().await["todo"]["version"], n + 2);
    }
    let (messages, code) = slow.rest().await;
    assert!(messages.len() < 800, "{} messages fit into buffers", messages.len());
    assert_in_order_then_resync(&messages, code);
    connections(&server, 1).await;
}

#[actix_web::test]
async fn a_client_that_reads_nothing_for_too_long_is_disconnected() {
    let heartbeat = Heartbeat { write_timeout: Duration::from_millis(200), ..Heartbeat::default() };
    let server = Server::with(Setup { heartbeat, ..Setup::default() });
    let user = server.user().await;
    let mut slow = Socket::narrow(server.address, &user.token(), "").await;
    assert_eq!(slow.next().await["type"], "ready");
    let id = todo_id();
    server.commit(user.id, [create(id, "Heavy")]).await;
    // Far less waits than the mailbox holds. When the buffers are full, the socket can send nothing, and then the
    // mailbox is gone; the slot stays taken until the connection closes.
    let mut edits = 0;
    while server.hub.sockets() > 0 {
        server.commit(user.id, [large_edit(id, edits)]).await;
        edits += 1;
        wait_until(|| server.hub.unsent_bytes() < 500_000 || server.hub.sockets() == 0).await;
    }
    assert_eq!(server.hub.connections(), 1);
    let (messages, code) = slow.rest().await;
    assert_in_order_then_resync(&messages, code);
    connections(&server, 0).await;
}
