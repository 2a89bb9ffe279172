//! Who may open a socket. Everything is refused before the upgrade, as a problem like any other.

use std::time::Duration;

use actix_http::ws;
use actix_web::body::{BodyStream, MessageBody as _};
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use actix_web::{HttpRequest, HttpResponse, rt, web};
use domain::Stamp;
use domain::code::ErrorCode;
use domain::text::ClientId;
use tracing::Instrument as _;

use super::incoming::Incoming;
use super::outgoing::outgoing;
use super::socket::Socket;
use crate::Api;
use crate::error::{Answer, Problem};
use crate::extract::{Checks, Fault, Query, admit};
use crate::moment::Moment;

/// The subprotocol that stands before a token.
const BEARER: &str = "bearer";

/// When a user with too many sockets may try again: by then one that is dead has been noticed.
const TRY_AGAIN_IN: Duration = Duration::from_secs(30);

/// `GET /ws/todos`: upgrades to a socket.
///
/// The token comes as the subprotocols `bearer, <token>`, as `Authorization: Bearer` where the client can set it, or as the
/// query parameter `token`; the first of these that is there counts.
pub async fn open(request: HttpRequest, payload: web::Payload, query: Query, api: web::Data<Api>) -> Answer {
    check_origin(request.headers(), &api.settings.allowed_origins)?;
    let (token, subprotocol) = token(request.headers(), &query)?;
    let principal = admit(&request, api.identities.authenticate_socket(&token).await?)?;
    let (since, client_id) = parameters(&query)?;
    let mut response = ws::handshake(request.head()).map_err(|_| not_a_handshake())?;
    let slot = api.hub.reserve(principal.user).ok_or_else(too_many)?;

    tracing::debug!(user = %principal.user, client_id = client_id.as_ref().map(ClientId::as_str), "a socket opens");
    let (out, outflow) = outgoing(slot, api.hub.pace().stall);
    let (hub, store) = (api.hub.clone(), api.store.clone());
    let socket = Socket { hub, store, sessions: api.sessions.clone(), principal, since };
    rt::spawn(socket.run(Incoming::new(payload), out).in_current_span());

    if subprotocol {
        response.insert_header((SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(BEARER)));
    }
    let body = BodyStream::new(outflow).boxed();
    Ok(HttpResponse::from(response.message_body(body).map_err(|_| Problem::unexpected())?))
}

/// A browser says which page opens the socket, and no other rule of browsers keeps foreign pages from it.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let known = |origin: &HeaderValue| allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
    if headers.get_all(ORIGIN).all(known) {
        Ok(())
    } else {
        Err(Problem::new(ErrorCode::ScopeMissing, "Pages of this origin may not open sockets here"))
    }
}

/// The token, and whether it came as a subprotocol.
fn token(headers: &HeaderMap, query: &Query) -> Result<(String, bool), Problem> {
    let mut offered =
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let is_bearer = |name: &[u8]| name.trim_ascii().eq_ignore_ascii_case(BEARER.as_bytes());
    if offered.any(is_bearer) {
        let token = offered.next().and_then(|token| std::str::from_utf8(token.trim_ascii()).ok());
        return Ok((token.ok_or_else(Problem::token_malformed)?.to_owned(), true));
    }
    if let Some(header) = headers.get(AUTHORIZATION) {
        let token = header.to_str().ok().and_then(crate::extract::bearer);
        return Ok((token.ok_or_else(Problem::token_malformed)?.to_owned(), false));
    }
    let mut checks = Checks::default();
    let token = query.get(&mut checks, "token", |token| Ok::<_, Fault>(token.to_owned()));
    if !checks.passed() {
        return Err(Problem::token_malformed());
    }
    token.map(|token| (token, false)).ok_or_else(|| {
        Problem::new(
            ErrorCode::TokenMalformed,
            "Send an access token: `Sec-WebSocket-Protocol: bearer, <token>`",
        )
    })
}

fn parameters(query: &Query) -> Result<(Option<Stamp>, Option<ClientId>), Problem> {
    let mut checks = Checks::default();
    let since = query.get(&mut checks, "since", |text| {
        Moment::parse(text).ok_or_else(|| Fault::invalid("must be an RFC 3339 date and time"))
    });
    let client_id = query.get(&mut checks, "client_id", ClientId::parse);
    if checks.passed() { Ok((since, client_id)) } else { Err(checks.into()) }
}

fn not_a_handshake() -> Problem {
    let mut checks = Checks::default();
    checks.refuse(
        "Upgrade",
        &Fault::invalid("must be `websocket`: this address speaks WebSocket, version 13 (RFC 6455)"),
    );
    checks.into()
}

fn too_many() -> Problem {
    Problem::new(ErrorCode::RateLimited, "Too many sockets are open for this account; close one first")
        .with("max", super::Hub::SOCKETS_PER_USER)
        .retry_after(TRY_AGAIN_IN)
}
