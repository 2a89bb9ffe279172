//! Traces to a collector: a request, the use case of a service, and the statements of the database.
//!
//! Without a collector nothing of this exists: no layer asks for the spans below a request, so they are never
//! made.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;

use super::Layer;
use crate::settings::{Sampling, Traces};

/// How long a stop waits for the collector.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// The target of the spans below a request.
const SPANS: &str = "spans";
/// The crate whose spans are requests.
const API: &str = "api_actix";

/// Starts the thread that sends spans.
pub fn start(settings: &Traces) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", settings.endpoint))
        .with_headers(settings.exposed_headers().collect())
        .build()?;
    let resource = Resource::builder()
        .with_service_name(settings.service.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(SdkTracerProvider::builder()
        .with_sampler(sampler(settings.sampling))
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

fn sampler(Sampling { ratio, ignores_caller }: Sampling) -> Sampler {
    let own = Sampler::TraceIdRatioBased(ratio);
    if ignores_caller { own } else { Sampler::ParentBased(Box::new(own)) }
}

/// The layer that hands spans on. Log lines are no part of a trace.
pub fn layer(provider: &SdkTracerProvider) -> Layer {
    let is_traced = filter_fn(|metadata| {
        metadata.is_span() && (metadata.target() == SPANS || metadata.target().starts_with(API))
    });
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("todo-server"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(is_traced)
        .boxed()
}
