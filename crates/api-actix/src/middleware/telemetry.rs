//! The span, the metrics and the access log line of a request. None contains a raw path, a query, a
//! header or a body: client input may be secret, and as a label it would have an unbounded number
//! of values.

use std::time::Instant;

use actix_web::HttpMessage as _;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use domain::UserId;
use metrics::{counter, histogram};
use tracing::Span;

use super::RequestId;

/// The label of paths without a route.
const UNMATCHED: &str = "unmatched";

/// The label of methods without a route.
const OTHER: &str = "other";

/// A request that is being processed.
pub(super) struct Record {
    id: RequestId,
    method: &'static str,
    began: Instant,
    span: Span,
}

impl Record {
    pub(super) fn begin(request: &ServiceRequest, id: &RequestId) -> Self {
        let method = label(request.method());
        let span = tracing::info_span!("request", request_id = id.as_str(), method);
        Self { id: id.clone(), method, began: Instant::now(), span }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Counts and logs the request. `response` is `None` if a layer failed.
    pub(super) fn end(&self, response: Option<&ServiceResponse<BoxBody>>, status: StatusCode) {
        let took = self.began.elapsed();
        let request = response.map(ServiceResponse::request);
        let route = request.and_then(actix_web::HttpRequest::match_pattern);
        let endpoint = route.unwrap_or_else(|| UNMATCHED.to_owned());
        let user = request.and_then(|request| request.extensions().get::<UserId>().copied());
        let status = status.as_u16();
        tracing::info!(
            target: "access",
            request_id = self.id.as_str(),
            user_id = user.map(tracing::field::display),
            method = self.method,
            route = endpoint,
            status,
            // Rounded to microseconds, or the log would show errors of the binary fraction.
            latency_ms = (took.as_secs_f64() * 1e6).round() / 1e3,
            "request"
        );
        counter!(
            "http_requests_total",
            "method" => self.method,
            "endpoint" => endpoint.clone(),
            "status" => status.to_string()
        )
        .increment(1);
        histogram!("http_request_duration_seconds", "endpoint" => endpoint).record(took.as_secs_f64());
    }
}

/// The method as a label. Clients may invent methods.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
