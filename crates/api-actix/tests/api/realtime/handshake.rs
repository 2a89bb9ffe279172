//! Tokens, origins and parameters of the handshake.

use std::sync::Arc;
use std::time::Duration;

use domain::session::Revoked;
use domain::{Clock, SessionId, Stamp, UserId};
use domain_testkit::ManualClock;
use domain_testkit::build::{T0, uuid};

use super::client::{Refusal, Socket};
use super::server::{Server, User};
use crate::harness::{ORIGIN, Setup, narrowed, revocation};

async fn refused(server: &Server, query: &str, headers: &[(&'static str, &str)]) -> Refusal {
    match Socket::with(server.address, query, headers).await {
        Ok(_) => panic!("{query} {headers:?} opened a socket"),
        Err(refusal) => refusal,
    }
}

#[actix_web::test]
async fn a_token_is_accepted_as_subprotocol_header_or_parameter() {
    let server = Server::start();
    let user = server.user().await;
    let token = user.token();
    let by_protocol = server.open(&user, "").await;
    assert_eq!(by_protocol.response.headers()["sec-websocket-protocol"], "bearer");
    assert_eq!(by_protocol.response.status(), 101);

    let header = format!("Bearer {token}");
    let by_header = Socket::with(server.address, "", &[("authorization", &header)]).await.expect("opens");
    assert!(!by_header.response.headers().contains_key("sec-websocket-protocol"));
    let query = format!("?token={}", token.replace('+', "%2B"));
    let mut by_query = Socket::with(server.address, &query, &[]).await.expect("opens");
    assert_eq!(by_query.next().await["type"], "ready");
}

#[actix_web::test]
async fn a_bad_token_is_refused_before_the_upgrade() {
    let server = Server::start();
    let user = server.user().await;
    let expired = user.token_until(T0.minus(Duration::from_mins(5)));
    // Within the leeway for other machines' clocks, which a socket does not get.
    let just_expired = user.token_until(T0.minus(Duration::from_secs(5)));
    let revoked = user.elsewhere();
    server.revoke(revoked.id, Revoked::Session(revoked.session));
    for (protocols, status, code) in [
        ("bearer", 401, "AUTH_005"),
        ("bearer, nonsense", 401, "AUTH_005"),
        ("chat", 401, "AUTH_005"),
        (&format!("bearer, {expired}"), 401, "AUTH_002"),
        (&format!("bearer, {just_expired}"), 401, "AUTH_002"),
        (&format!("bearer, {}", revoked.token()), 401, "AUTH_004"),
        (&format!("bearer, {}", narrowed(&user.token(), "account")), 403, "AUTHZ_002"),
    ] {
        let refusal = refused(&server, "", &[("sec-websocket-protocol", protocols)]).await;
        assert_eq!((refusal.status, &*refusal.code), (status, code), "{protocols}");
        assert_eq!(refusal.header("content-type"), "application/problem+json");
        assert!(refusal.header("www-authenticate").starts_with("Bearer"), "{protocols}");
    }
    for query in ["", "?token=", "?token=nonsense"] {
        let refusal = refused(&server, query, &[]).await;
        assert_eq!((refusal.status, &*refusal.code), (401, "AUTH_005"), "{query}");
    }
    assert_eq!(server.hub.connections(), 0);
}

#[actix_web::test]
async fn a_page_of_a_foreign_origin_is_refused() {
    let server = Server::start();
    let user = server.user().await;
    let protocols = format!("bearer, {}", user.token());
    for origin in
        ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"]
    {
        let headers = [("sec-websocket-protocol", &*protocols), ("origin", origin)];
        let refusal = refused(&server, "", &headers).await;
        assert_eq!((refusal.status, &*refusal.code), (403, "AUTHZ_002"), "{origin}");
    }
    let headers = [("sec-websocket-protocol", &*protocols), ("origin", ORIGIN)];
    Socket::with(server.address, "", &headers).await.expect("an allowed origin opens a socket");
}

#[actix_web::test]
async fn bad_parameters_are_refused_before_the_upgrade() {
    let server = Server::start();
    let user = server.user().await;
    let protocols = format!("bearer, {}", user.token());
    for (query, code) in [
        ("?since=yesterday", "VALIDATION_006"),
        ("?since=", "VALIDATION_006"),
        ("?since=1767952800", "VALIDATION_006"),
        ("?since=0000-01-01T00:00:00Z", "VALIDATION_006"),
        ("?since=2026-01-09T10:00:00Z&since=2026-01-09T10:00:00Z", "VALIDATION_006"),
        ("?client_id=", "VALIDATION_006"),
        ("?client_id=%20", "VALIDATION_006"),
        (&format!("?client_id={}", "x".repeat(101)), "VALIDATION_006"),
        ("?client_id=a%00b", "VALIDATION_006"),
    ] {
        let refusal = refused(&server, query, &[("sec-websocket-protocol", &protocols)]).await;
        assert_eq!((refusal.status, &*refusal.code), (422, code), "{query}");
    }
    server.live(&user, "?client_id=phone&unknown=1").await;
}

#[actix_web::test]
async fn a_request_without_an_upgrade_is_refused() {
    let server = Server::start();
    let user = server.user().await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("a connection");
    let request = format!(
        "GET /ws/todos HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        user.token()
    );
    let mut answer = String::new();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.expect("sent");
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 422 ") && answer.contains("VALIDATION_006"), "{answer}");
    assert_eq!(server.hub.connections(), 0);
}

#[actix_web::test]
async fn a_session_that_ends_during_the_handshake_closes_the_socket() {
    let (id, session) = (UserId(uuid()), SessionId(uuid()));
    // The handshake reads the clock after it has checked the revocations.
    let server = Server::with(Setup {
        clock: Box::new(move |clock, revocations| {
            let revoke = move || revocations.add(&[revocation(id, Revoked::Session(session))]);
            Arc::new(HookedClock { clock, on_reading: Box::new(revoke) })
        }),
        ..Setup::default()
    });
    let user = User { session, ..server.user().await };
    assert_eq!(server.open(&user, "").await.closed().await, 4401);
}

/// A clock that runs something before each reading.
struct HookedClock {
    clock: Arc<ManualClock>,
    on_reading: Box<dyn Fn() + Send + Sync>,
}

impl Clock for HookedClock {
    fn now(&self) -> Stamp {
        (self.on_reading)();
        self.clock.now()
    }

    fn uptime(&self) -> Duration {
        self.clock.uptime()
    }
}
