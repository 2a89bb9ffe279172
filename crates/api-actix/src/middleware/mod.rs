//! What every request passes through: a request id, the one error body, headers, compression, figures, the log.

mod answer;
mod compression;
mod cors;
mod headers;
mod limit;
mod request_id;
mod telemetry;

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{TRANSFER_ENCODING, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError, web};
use domain::UserId;
use domain::code::ErrorCode;
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use crate::Api;
use crate::connection::Watch;
use crate::error::{Problem, Surface};
use crate::routes::answers_head;
use crate::unread::{NoRoom, Share};

use answer::Answer;

pub use cors::cors;
pub use limit::limit_headers;
pub use request_id::RequestId;

/// The outermost layer.
pub async fn around<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Encoder<Answer>>, Error> {
    let api = request.app_data::<web::Data<Api>>().cloned().ok_or_else(Problem::unexpected)?;
    let underway = request.conn_data::<Rc<Watch>>().map(|watch| watch.begin(is_chunked(&request)));
    let id = RequestId::of(&request, &*api.secrets);
    let record = telemetry::Record::begin(&request, &id);
    let encoding = compression::wanted(&request);
    // As the routes see it: `/%61uth` is `/auth`.
    let path = request.match_info().as_str();
    let surface = surface(path);
    if request.method() == Method::HEAD && answers_head(path) {
        // What GET answers, of which the connection sends the head alone (RFC 9110 section 9.3.2).
        request.head_mut().method = Method::GET;
    }
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(record.span()).await;
    let response = match handled {
        Ok(Ok(response)) => worded(response.map_into_boxed_body(), surface, &id, &api),
        Ok(Err(error)) => return Err(finished(&problem_of(&error), surface, &id, &api, &record)),
        Err(_) => {
            record.span().in_scope(|| tracing::error!("a handler panicked"));
            return Err(finished(&Problem::unexpected(), surface, &id, &api, &record));
        }
    };
    let (mut response, share) = with_room(response, surface, &id, &api);
    headers::add(&mut response, &id, &api.settings);
    record.end(Some(&response), response.status());
    Ok(response.map_body(|head, body| compression::apply(encoding, head, Answer::new(body, share, underway))))
}

/// Whether a request has a body of a length that is not known beforehand.
fn is_chunked(request: &ServiceRequest) -> bool {
    request.headers().contains_key(TRANSFER_ENCODING)
}

/// The response, if there is room for it, and its share of that.
fn with_room(
    response: ServiceResponse<BoxBody>,
    surface: Surface,
    id: &RequestId,
    api: &Api,
) -> (ServiceResponse<BoxBody>, Option<Share>) {
    let user = response.request().extensions().get::<UserId>().copied();
    let (Some(user), BodySize::Sized(bytes)) = (user, response.response().body().size()) else {
        return (response, None);
    };
    match api.unread.take(user, usize::try_from(bytes).unwrap_or(usize::MAX)) {
        Ok(share) => (response, share),
        Err(NoRoom) => (in_place_of(response, &Problem::unread(), surface, id, api), None),
    }
}

/// The surface whose statuses a path has.
pub(crate) fn surface(path: &str) -> Surface {
    let mut segments = path.split('/').skip(1);
    match (segments.next(), segments.next()) {
        (Some("auth" | "todos"), _) => Surface::Todos,
        (Some("api"), Some(second)) if second != "v1" => Surface::Tasks,
        _ => Surface::V1,
    }
}

/// The response, or the one error body in place of whatever else a refusal looks like.
fn worded(
    response: ServiceResponse<BoxBody>,
    surface: Surface,
    id: &RequestId,
    api: &Api,
) -> ServiceResponse<BoxBody> {
    match response.response().error().map(problem_of) {
        Some(problem) => in_place_of(response, &problem, surface, id, api),
        None => response,
    }
}

/// The problem, with what the CORS layer said of the response.
fn in_place_of(
    response: ServiceResponse<BoxBody>,
    problem: &Problem,
    surface: Surface,
    id: &RequestId,
    api: &Api,
) -> ServiceResponse<BoxBody> {
    let (request, replaced) = response.into_parts();
    let mut response = problem.respond(surface, id.as_str(), api.clock.now());
    for (name, value) in replaced.headers() {
        if *name == VARY || name.as_str().starts_with("access-control-") {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, response)
}

/// The problem that a framework's error stands for.
fn problem_of(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    if error.as_error::<actix_cors::CorsError>().is_some() {
        return Problem::new(ErrorCode::ScopeMissing, "Pages of this origin may not send this request");
    }
    let response = error.as_response_error();
    match response.status_code() {
        StatusCode::NOT_FOUND => Problem::no_such_route(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(ErrorCode::TooLarge, "The body is too large"),
        status if status.is_client_error() => {
            Problem::new(ErrorCode::ValueInvalid, "The request can't be understood")
        }
        _ => {
            tracing::error!(error = %response, "the framework failed");
            Problem::unexpected()
        }
    }
}

/// A whole response on the way out as an error: where a layer failed there is no request left to answer to.
#[derive(Debug)]
struct Finished {
    status: StatusCode,
    // Built once, taken once; an error has to be `Sync` for nobody.
    response: std::cell::RefCell<Option<HttpResponse>>,
}

fn finished(
    problem: &Problem,
    surface: Surface,
    id: &RequestId,
    api: &Api,
    record: &telemetry::Record,
) -> Error {
    let response = complete(problem, surface, id, api, record);
    Finished { status: response.status(), response: std::cell::RefCell::new(Some(response)) }.into()
}

/// The whole response to what is no request.
pub(crate) fn refused(problem: &Problem, api: &Api) -> HttpResponse {
    let id = RequestId::new(&*api.secrets);
    complete(problem, Surface::V1, &id, api, &telemetry::Record::of_none(&id))
}

fn complete(
    problem: &Problem,
    surface: Surface,
    id: &RequestId,
    api: &Api,
    record: &telemetry::Record,
) -> HttpResponse {
    let mut response = problem.respond(surface, id.as_str(), api.clock.now());
    headers::add_to(response.headers_mut(), id, &api.settings, true);
    record.end(None, response.status());
    response
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.status.fmt(f)
    }
}

impl ResponseError for Finished {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response.take().unwrap_or_else(|| HttpResponse::new(self.status))
    }
}
