//! When and with which code a socket closes.

use std::time::Duration;

use api_actix::realtime::Heartbeat;
use domain::session::Revoked;
use domain_testkit::build::{T0, create, todo_id};
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::client::{Socket, TIMEOUT};
use super::server::Server;
use crate::harness::Setup;

#[actix_web::test]
async fn a_socket_closes_when_its_token_expires() {
    let server = Server::start();
    let user = server.user().await;
    let opened = Instant::now();
    let lifetime = Duration::from_secs(1);
    let mut socket =
        Socket::open(server.address, &user.token_until(T0.plus(lifetime)), "").await.expect("opens");
    assert_eq!(socket.next().await["type"], "ready");
    assert_eq!(socket.closed().await, 4401);
    assert!(opened.elapsed() >= lifetime);
}

#[actix_web::test]
async fn revoking_a_session_closes_its_sockets_and_no_others() {
    let server = Server::start();
    let (user, foreign) = (server.user().await, server.user().await);
    let refreshed =
        super::server::User { token: domain::TokenId(domain_testkit::build::uuid()), ..user.clone() };
    let (mut first, _) = server.live(&user, "").await;
    let (mut second, _) = server.live(&refreshed, "").await;
    let (mut elsewhere, _) = server.live(&user.elsewhere(), "").await;
    let (mut stranger, _) = server.live(&foreign, "").await;

    server.revoke(user.id, Revoked::Session(user.session));
    assert_eq!(first.closed().await, 4401);
    assert_eq!(second.closed().await, 4401);
    for (socket, user) in [(&mut elsewhere, &user), (&mut stranger, &foreign)] {
        server.commit(user.id, [create(todo_id(), "Still here")]).await;
        assert_eq!(socket.next().await["type"], "todo_created");
    }
}

#[actix_web::test]
async fn a_stopping_server_closes_open_and_new_sockets() {
    let server = Server::start();
    let user = server.user().await;
    let (mut early, _) = server.live(&user, "").await;
    server.hub.shut_down();
    assert_eq!(early.closed().await, 1012);
    let mut late = server.open(&user, "").await;
    assert_eq!(late.closed().await, 1012);
}

#[actix_web::test]
async fn a_close_is_answered_with_the_code_of_the_client() {
    let server = Server::start();
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    socket.send(Message::Close(Some(CloseFrame { code: 4000.into(), reason: "bye".into() }))).await;
    assert_eq!(socket.closed().await, 4000);
    assert_eq!(socket.frame().await, None);
}

/// A client has 2.5 seconds to answer a ping, which is long enough on a busy machine.
fn with_short_heartbeat() -> Setup {
    let heartbeat = Heartbeat {
        ping_after: Duration::from_millis(500),
        close_after: Duration::from_secs(3),
        ..Heartbeat::default()
    };
    Setup { heartbeat, ..Setup::default() }
}

#[actix_web::test]
async fn a_silent_client_is_pinged_and_then_closed() {
    let server = Server::with(with_short_heartbeat());
    let user = server.user().await;
    let (socket, _) = server.live(&user, "").await;
    // From here on, no pong answers a ping.
    let mut stream = socket.into_stream();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut bytes)).await;
    read.expect("the server closes").expect("the connection ends in order");
    let mut rest = &bytes[..];
    while let Some(after) = rest.strip_prefix(&[0x89, 0x00]) {
        rest = after;
    }
    let pings = (bytes.len() - rest.len()) / 2;
    assert!((1..=6).contains(&pings), "{pings} pings: {bytes:02x?}");
    assert_eq!((rest[0], &rest[2..4]), (0x88, &1008_u16.to_be_bytes()[..]), "{bytes:02x?}");
}

#[actix_web::test]
async fn a_client_that_answers_pings_stays() {
    let server = Server::with(with_short_heartbeat());
    let user = server.user().await;
    let (mut socket, _) = server.live(&user, "").await;
    let mut pings = 0;
    // Eight pings take longer than the silence after which a client is disconnected.
    while pings < 8 {
        match socket.frame().await {
            Some(Message::Ping(_)) => pings += 1,
            other => panic!("{other:?} instead of ping {pings}"),
        }
    }
    server.commit(user.id, [create(todo_id(), "Still here")]).await;
    assert_eq!(socket.next().await["type"], "todo_created");
}
