//! The layers that every request passes through: request id, error body, response headers,
//! compression, metrics and the access log.

mod body;
mod compression;
mod cors;
mod headers;
mod memory;
mod pieces;
mod request_id;
mod telemetry;

use std::cell::RefCell;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use actix_cors::CorsError;
use actix_http::ConnectionType;
use actix_http::encoding::Encoder;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::VARY;
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};
use domain::code::ErrorCode;
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use crate::connection::{ActiveRequest, Activity, Body};
use crate::error::Problem;
use crate::extract::client_network;
use crate::route_table::RouteTable;
use crate::state::State;
use crate::surface::Surface;

use body::ResponseBody;
use pieces::Pieces;

pub use compression::preferred as preferred_encoding;
pub use cors::cors;
pub use request_id::RequestId;

/// The outermost layer.
pub async fn around<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Pieces<Encoder<ResponseBody>>>, Error> {
    let state = request.app_data::<web::Data<State>>().cloned().ok_or_else(Problem::unexpected)?;
    trim_slash(&mut request);
    let body = Body::after(request.headers());
    let client = || client_network(request.request(), &state.settings.trusted_proxies);
    let active = request.conn_data::<Rc<Activity>>().map(|activity| activity.begin_request(body, client));
    let id = RequestId::of(&request, &*state.secrets);
    let record = telemetry::Record::begin(&request, &id);
    let preferred = compression::preferred(&request);
    // The decoded path, which the routes match: `/%61uth` is `/auth`.
    let path = request.match_info().as_str();
    let writer = ProblemWriter { surface: Surface::of(path), id, state };
    if request.method() == Method::HEAD && answers_head(&request) {
        // The handler of GET responds to HEAD too, and the connection drops the body (RFC 9110
        // section 9.3.2).
        request.head_mut().method = Method::GET;
    }
    let operation = record.operation(&request);
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind();
    let handled = handled.instrument(operation).instrument(record.span()).await;
    let response = match handled {
        Ok(Ok(response)) => writer.describe_error(response.map_into_boxed_body()),
        Ok(Err(error)) => return Err(writer.error(&problem_of(&error), &record)),
        Err(_) => {
            record.span().in_scope(|| tracing::error!("a handler panicked"));
            return Err(writer.error(&Problem::unexpected(), &record));
        }
    };
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(active)) = (response.status(), &active) {
        active.switch_protocols();
    }
    let (mut response, reservation) = writer.reserve_memory(response);
    let (reservation, encoding) = writer.reserve_encoder(&response, reservation, preferred);
    headers::add(&mut response, &writer.id, &writer.state.settings);
    let closes = writer.state.is_shutting_down() || active.as_ref().is_some_and(ActiveRequest::is_last);
    if closes && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // A client that kept the connection could send its next request while the server closes it.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    record.end(Some(&response), response.status());
    Ok(response.map_body(|head, body| {
        Pieces::new(compression::apply(encoding, head, ResponseBody::new(body, reservation, active)))
    }))
}

/// Treats `/todos/` as `/todos`, unless the path with the slash is a route of its own.
fn trim_slash(request: &mut ServiceRequest) {
    let Some(trimmed) =
        request.path().strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/'))
    else {
        return;
    };
    let Some(table) = request.app_data::<&'static RouteTable>() else { return };
    if table.methods(trimmed).is_none() || table.fixed_path_methods(request.path()).is_some() {
        return;
    }
    let target = match request.uri().query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = target.try_into().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// Whether the handler of GET answers HEAD too.
fn answers_head(request: &ServiceRequest) -> bool {
    let table = request.app_data::<&'static RouteTable>();
    table.is_none_or(|table| table.answers_head(request.match_info().as_str()))
}

/// Writes the problems of one request.
struct ProblemWriter {
    surface: Surface,
    id: RequestId,
    state: web::Data<State>,
}

impl ProblemWriter {
    /// Writes the body of an error response.
    fn describe_error(&self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        match response.response().error().map(problem_of) {
            Some(problem) => self.replace(response, &problem),
            None => response,
        }
    }

    /// Replaces a response by `problem`, and keeps the headers of the CORS layer.
    fn replace(&self, response: ServiceResponse<BoxBody>, problem: &Problem) -> ServiceResponse<BoxBody> {
        let (request, replaced) = response.into_parts();
        let mut response = self.respond(problem);
        for (name, value) in replaced.headers() {
            if *name == VARY || name.as_str().starts_with("access-control-") {
                response.headers_mut().append(name.clone(), value.clone());
            }
        }
        ServiceResponse::new(request, response)
    }

    /// A complete response that leaves the middleware as an error: after a panic or a failed layer,
    /// no request is left from which to build a [`ServiceResponse`].
    fn error(&self, problem: &Problem, record: &telemetry::Record) -> Error {
        let mut response = self.respond(problem);
        headers::add_to(response.headers_mut(), &self.id, &self.state.settings, true);
        record.end(None, response.status());
        CompleteResponse { status: response.status(), response: RefCell::new(Some(response)) }.into()
    }

    fn respond(&self, problem: &Problem) -> HttpResponse {
        problem.respond(self.surface, self.id.as_str(), self.state.clock.now())
    }
}

/// The problem that stands for an error of the framework.
fn problem_of(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    if let Some(error) = error.as_error::<CorsError>() {
        let message = match error {
            CorsError::BadRequestHeaders => "`Access-Control-Request-Headers` must be a list of header names",
            CorsError::MethodNotAllowed | CorsError::BadRequestMethod | CorsError::MissingRequestMethod => {
                "Pages may not send a request with this method"
            }
            _ => "Pages from this origin may not send requests; ALLOWED_ORIGINS lists those that may",
        };
        return Problem::new(ErrorCode::ScopeMissing, message);
    }
    let response = error.as_response_error();
    match response.status_code() {
        StatusCode::NOT_FOUND => Problem::no_such_route(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(ErrorCode::TooLarge, "The body is too large"),
        status if status.is_client_error() => {
            Problem::new(ErrorCode::ValueInvalid, "The server cannot parse the request")
        }
        _ => {
            tracing::error!(error = %response, "the framework failed");
            Problem::unexpected()
        }
    }
}

/// A response in the form of an error.
#[derive(Debug)]
struct CompleteResponse {
    status: StatusCode,
    // `error_response` is called once, and takes the response out.
    response: RefCell<Option<HttpResponse>>,
}

impl fmt::Display for CompleteResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status.fmt(f)
    }
}

impl ResponseError for CompleteResponse {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response.take().unwrap_or_else(|| HttpResponse::new(self.status))
    }
}
