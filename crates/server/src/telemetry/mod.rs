//! The logs, metrics and traces of the process, and the report of its errors.
//!
//! - [`traces`]: to a collector, by OTLP
//! - [`errors`]: to Sentry
//!
//! Logs go to standard error, one line per event; standard output is for the output of commands. Libraries
//! log from level warn on (info if the level is debug or trace), because their lower levels may contain what
//! clients send.

mod errors;
mod traces;

use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry_sdk::trace::SdkTracerProvider;
use sentry::ClientInitGuard;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::settings::{LogLevel, Settings};

type Layer = Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>;
type Subscriber = Layered<Vec<Layer>, Registry>;

/// The log targets of the project's own crates. `access` logs each request, `sql` each statement.
const OWN_TARGETS: [&str; 9] = [
    "access",
    "adapters_auth",
    "adapters_mail",
    "adapters_postgres",
    "adapters_sqlite",
    "api_actix",
    "domain",
    "sql",
    "todo_server",
];

/// This target is not logged: the framework reports every malformed request and every disconnecting
/// client as an error. `access` and the metrics cover the relevant ones.
const SILENCED_TARGET: &str = "actix_http";

/// The upper bounds of the histogram buckets, in seconds.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The upper bounds of the buckets for the sizes of commit groups.
const GROUP_BUCKETS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Sends what it has collected when it is dropped.
#[must_use]
pub struct Exports {
    traces: Option<SdkTracerProvider>,
    /// Waits for at most two seconds.
    _errors: Option<ClientInitGuard>,
}

impl Drop for Exports {
    fn drop(&mut self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown_with_timeout(traces::FLUSH_TIMEOUT)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Starts logging for the whole process, and in a server what sends traces and errors.
pub fn init(settings: &Settings) -> Result<Exports, Box<dyn Error>> {
    let traces = settings.telemetry.traces.as_ref().map(traces::start).transpose()?;
    let errors = settings.telemetry.sentry.as_ref().map(|dsn| errors::start(dsn, settings.environment));
    let mut layers = Vec::new();
    layers.extend(traces.as_ref().map(traces::layer));
    layers.extend(errors.is_some().then(errors::layer));
    start(subscriber(settings, layers));
    Ok(Exports { traces, _errors: errors })
}

/// Starts logging for the whole process.
pub fn init_logging(settings: &Settings) {
    start(subscriber(settings, Vec::new()));
}

fn start(subscriber: Subscriber) {
    subscriber.init();
    std::panic::set_hook(Box::new(log_panic));
}

/// What takes the events and spans of the process: the log, and the further `layers`.
fn subscriber(settings: &Settings, mut layers: Vec<Layer>) -> Subscriber {
    let own = settings.log_level;
    let others = match own {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn | LogLevel::Info => LevelFilter::WARN,
        LogLevel::Debug | LogLevel::Trace => LevelFilter::INFO,
    };
    let own = OWN_TARGETS.map(|target| (target, LevelFilter::from(own)));
    let filter =
        Targets::new().with_default(others).with_targets(own).with_target(SILENCED_TARGET, LevelFilter::OFF);
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = if settings.json_logs {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    layers.push(lines.with_filter(filter).boxed());
    tracing_subscriber::registry().with(layers)
}

/// Logs a panic. Only a literal message is logged: a formatted one may contain a user's text.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload().downcast_ref::<&str>().copied().unwrap_or_default();
    tracing::error!(location, panic = message, "a thread panicked");
}

/// Starts metrics for the whole process. The handle renders them.
pub fn init_metrics() -> Result<PrometheusHandle, BuildError> {
    let groups = Matcher::Full("database_commit_group_size".to_owned());
    PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .set_buckets_for_metric(groups, &GROUP_BUCKETS)?
        .install_recorder()
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// Whether a request is traced by a server with these variables.
    fn traces(variables: &[(&str, &str)]) -> bool {
        let folder = tempfile::tempdir().expect("a folder");
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let settings = Settings::load(folder.path(), variables).expect("valid settings");
        let provider =
            settings.telemetry.traces.as_ref().map(|traces| traces::start(traces).expect("it starts"));
        let layers = provider.iter().map(traces::layer).collect();
        tracing::subscriber::with_default(
            subscriber(&settings, layers),
            || tracing::span_enabled!(target: "spans", Level::TRACE),
        )
    }

    #[test]
    fn only_a_collector_makes_spans_below_requests() {
        assert!(!traces(&[("LOG_LEVEL", "trace"), ("DATABASE_ECHO", "true")]));
        assert!(traces(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("LOG_LEVEL", "error")]));
    }
}
