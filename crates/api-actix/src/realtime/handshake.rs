//! `/ws/todos`: the upgrade to a WebSocket. A refusal is a problem or, for a page of an allowed
//! origin, a socket that the server closes at once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws;
use actix_web::body::{BodyStream, MessageBody as _};
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use actix_web::{HttpRequest, HttpResponse, rt, web};
use domain::Stamp;
use domain::code::ErrorCode;
use domain::session::Principal;
use domain::text::ClientId;
use tracing::Instrument as _;

use super::end::End;
use super::hub::{Hub, Slot};
use super::incoming::Incoming;
use super::outgoing::outgoing;
use super::socket::Socket;
use crate::connection::Activity;
use crate::error::{HandlerResult, Problem};
use crate::extract::{FieldError, Query, Validation, admit, bearer};
use crate::settings::ApiSettings;
use crate::state::State;
use crate::wire::timestamp_in_query;

/// The subprotocol before the token.
const BEARER: &str = "bearer";

/// `Retry-After` for a user with too many sockets. By then the server has detected dead ones.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Upgrades the request to a WebSocket.
///
/// The client sends its access token as the subprotocols `bearer, <token>`, as `Authorization:
/// Bearer`, or as the query parameter `token`. The first of these that is present counts.
pub async fn open(
    request: HttpRequest,
    payload: web::Payload,
    query: Query,
    state: web::Data<State>,
    hub: web::Data<Hub>,
) -> HandlerResult {
    let from_page = check_origin(request.headers(), &state.settings)?;
    let hub = hub.into_inner();
    let admitted = admitted(&request, &query, &state, &hub).await;
    let mut response = match (ws::handshake(request.head()), &admitted) {
        (Ok(response), _) => response,
        (Err(_), Ok(_)) => return Err(not_a_handshake()),
        (Err(_), Err(problem)) => return Err(problem.clone()),
    };
    // A browser fails a socket if the server selects none of the subprotocols that it offers.
    if offered(request.headers()).any(is_bearer) {
        response.insert_header((SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(BEARER)));
    }
    let activity = request.conn_data::<Rc<Activity>>().cloned();
    let incoming = Incoming::new(payload, activity.clone());
    let write_timeout = hub.heartbeat().write_timeout;
    let body = match admitted {
        Ok(Admitted { principal, since, slot }) => {
            let (out, body) = outgoing(Some(slot), write_timeout, activity.clone());
            let (sync, sessions) = (state.sync.clone(), state.sessions.clone());
            let socket = Socket { hub, sync, sessions, principal, since, activity };
            rt::spawn(socket.run(incoming, out).in_current_span());
            body
        }
        // A page learns only how a socket closes, and not why a handshake was refused.
        Err(problem) if from_page => {
            let (out, body) = outgoing(None, write_timeout, activity);
            rt::spawn(End::refused(&problem).carry_out(out, incoming).in_current_span());
            body
        }
        Err(problem) => return Err(problem),
    };
    let body = BodyStream::new(body).boxed();
    Ok(HttpResponse::from(response.message_body(body).map_err(|_| Problem::unexpected())?))
}

/// A caller who may open a socket.
struct Admitted {
    principal: Principal,
    since: Option<Stamp>,
    slot: Slot,
}

async fn admitted(
    request: &HttpRequest,
    query: &Query,
    state: &State,
    hub: &Arc<Hub>,
) -> Result<Admitted, Problem> {
    let token = token(request.headers(), query)?;
    let principal = admit(request, state.identities.authenticate_socket(&token).await?)?;
    let (since, client_id) = parameters(query)?;
    ws::verify_handshake(request.head()).map_err(|_| not_a_handshake())?;
    let slot = hub.reserve(principal.user).ok_or_else(too_many_sockets)?;
    tracing::debug!(user = %principal.user, client_id = client_id.as_ref().map(ClientId::as_str), "a socket opens");
    Ok(Admitted { principal, since, slot })
}

/// Whether a page opens the socket. Refuses pages of foreign origins: browsers do not restrict
/// which pages open sockets.
fn check_origin(headers: &HeaderMap, settings: &ApiSettings) -> Result<bool, Problem> {
    if headers.get_all(ORIGIN).all(|origin| settings.allows_origin(origin, headers)) {
        Ok(headers.contains_key(ORIGIN))
    } else {
        Err(Problem::new(ErrorCode::ScopeMissing, "Pages from this origin may not open sockets here"))
    }
}

/// The subprotocols that the client offers.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(SEC_WEBSOCKET_PROTOCOL).flat_map(|value| value.as_bytes().split(|b| *b == b','))
}

fn is_bearer(name: &[u8]) -> bool {
    name.trim_ascii().eq_ignore_ascii_case(BEARER.as_bytes())
}

/// The access token: from the subprotocols, the header or the query, in this order.
fn token(headers: &HeaderMap, query: &Query) -> Result<String, Problem> {
    let mut offered = offered(headers);
    if offered.any(is_bearer) {
        let token = offered.next().and_then(|token| std::str::from_utf8(token.trim_ascii()).ok());
        return Ok(token.ok_or_else(Problem::token_malformed)?.to_owned());
    }
    if let Some(header) = headers.get(AUTHORIZATION) {
        let token = header.to_str().ok().and_then(bearer);
        return Ok(token.ok_or_else(Problem::token_malformed)?.to_owned());
    }
    let mut validation = Validation::default();
    let token = query.get(&mut validation, "token", |token| Ok::<_, FieldError>(token.to_owned()));
    if !validation.is_ok() {
        return Err(Problem::token_malformed());
    }
    token.ok_or_else(|| {
        Problem::new(
            ErrorCode::TokenMalformed,
            "Send an access token: `Sec-WebSocket-Protocol: bearer, <token>`",
        )
    })
}

fn parameters(query: &Query) -> Result<(Option<Stamp>, Option<ClientId>), Problem> {
    let mut validation = Validation::default();
    let since = query.get(&mut validation, "since", timestamp_in_query);
    let client_id = query.get(&mut validation, "client_id", ClientId::parse);
    validation.finish().map(|()| (since, client_id))
}

fn not_a_handshake() -> Problem {
    FieldError::invalid("must be `websocket`: this address speaks WebSocket, version 13 (RFC 6455)")
        .on("Upgrade")
}

fn too_many_sockets() -> Problem {
    Problem::new(ErrorCode::RateLimited, "Too many sockets are open for this account; close one first")
        .with("max", Hub::SOCKETS_PER_USER)
        .retry_after(RETRY_AFTER)
}
