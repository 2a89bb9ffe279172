//! Logs and figures of the process.
//!
//! Logs go to standard error, a line each; standard output is for what a command prints. Libraries are heard from warnings on
//! (information on where more is asked for): what they say beyond that may hold what clients send.

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogLevel, Settings};

/// What the product's own crates log under. `access` is a line for each request, `sql` one for each statement.
const OWN: [&str; 9] = [
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

/// The framework calls every request that it can't read an error, and every client that goes away: what matters of it is told by
/// `access` and by the figures.
const UNHEARD: &str = "actix_http";

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

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

/// Starts logging for the whole process.
pub fn log(settings: &Settings) {
    let own = settings.log_level;
    let others = match own {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn | LogLevel::Info => LevelFilter::WARN,
        LogLevel::Debug | LogLevel::Trace => LevelFilter::INFO,
    };
    let own = OWN.map(|target| (target, LevelFilter::from(own)));
    let filter = Targets::new().with_default(others).with_targets(own).with_target(UNHEARD, LevelFilter::OFF);
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = if settings.json_logs {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    std::panic::set_hook(Box::new(log_panic));
}

/// A panic is a line of the log too. Of its message only a literal is told: a formatted one may hold a user's words.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload().downcast_ref::<&str>().copied().unwrap_or_default();
    tracing::error!(place, said = message, "a panic");
}

/// Starts counting for the whole process; the handle renders the figures.
pub fn count() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()
}
