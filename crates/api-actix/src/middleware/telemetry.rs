//! The span, the metrics and the access log line of a request. None contains a raw path, a query, a
//! header or a body: client input may be secret, and as a label it would have an unbounded number
//! of values.

use std::time::Instant;

use actix_web::HttpMessage as _;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use domain::UserId;
use metrics::{counter, histogram};
use opentelemetry::global;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::Status;
use tracing::{Level, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::RequestId;
use crate::route_table::RouteTable;

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
        let span = tracing::info_span!(
            "request",
            request_id = id.as_str(),
            method,
            otel.kind = field::Empty,
            otel.name = field::Empty
        );
        if is_traced() {
            span.record("otel.kind", "server");
            let name = request.match_pattern().map(|route| format!("{method} {route}"));
            span.record("otel.name", name.as_deref().unwrap_or(method));
            continue_trace(&span, request.headers());
        }
        Self { id: id.clone(), method, began: Instant::now(), span }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The span of the operation that the request is for, below the request's own. None if requests are not
    /// traced.
    pub(super) fn operation(&self, request: &ServiceRequest) -> Span {
        if !is_traced() {
            return Span::none();
        }
        let id = request.app_data::<&'static RouteTable>().and_then(|table| {
            let route = request.match_pattern()?;
            table.operation(&route, request.method())
        });
        id.map_or_else(
            Span::none,
            |id| tracing::trace_span!(target: "spans", parent: &self.span, "operation", otel.name = id),
        )
    }

    /// Counts and logs the request. `response` is `None` if a layer failed.
    pub(super) fn end(&self, response: Option<&ServiceResponse<BoxBody>>, status: StatusCode) {
        let took = self.began.elapsed();
        let request = response.map(ServiceResponse::request);
        let route = request.and_then(actix_web::HttpRequest::match_pattern);
        let endpoint = route.unwrap_or_else(|| UNMATCHED.to_owned());
        let user = request.and_then(|request| request.extensions().get::<UserId>().copied());
        if is_traced() {
            describe(&self.span, self.method, &endpoint, status);
        }
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

/// Whether requests are traced.
fn is_traced() -> bool {
    tracing::span_enabled!(target: "spans", Level::TRACE)
}

/// Makes the span a part of the caller's trace (W3C Trace Context).
fn continue_trace(span: &Span, headers: &HeaderMap) {
    if headers.contains_key(TRACEPARENT) {
        let caller = global::get_text_map_propagator(|propagator| propagator.extract(&Carrier(headers)));
        // Fails if the request's own span is not traced.
        let _ = span.set_parent(caller);
    }
}

/// Adds what the traces say of a request, by OpenTelemetry's names.
fn describe(span: &Span, method: &'static str, route: &str, status: StatusCode) {
    span.set_attribute("http.request.method", method);
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

const TRACEPARENT: &str = "traceparent";

/// The headers of a request, of which only those of the trace are read.
struct Carrier<'a>(&'a HeaderMap);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, "tracestate"]
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
