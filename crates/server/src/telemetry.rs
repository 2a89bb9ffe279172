//! The logs and metrics of the process.
//!
//! Logs go to standard error, one line per event; standard output is for the output of commands. Libraries
//! log from level warn on (info if the level is debug or trace), because their lower levels may contain what
//! clients send.

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::{LogLevel, Settings};

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

/// Starts logging for the whole process.
pub fn init_logging(settings: &Settings) {
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
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    std::panic::set_hook(Box::new(log_panic));
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
