//! The series that `/metrics` has: each with what it means, and there from the start.

use std::fs;
use std::path::PathBuf;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::settings::DatabaseUrl;
use crate::{process, rate_limits};

/// What a series counts or shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Grows until the process ends.
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// The name, the kind, the labels and the meaning of each series of the server's own.
const SERIES: &[(&str, Kind, &str, &str)] = &[
    (
        "background_task_restarts_total",
        Counter,
        "task",
        "Background tasks that ended or panicked, and were started again",
    ),
    (
        "backup_last_timestamp_seconds",
        Gauge,
        "",
        "When the last scheduled backup was made, in seconds since 1970; 0 before the first",
    ),
    ("backups_total", Counter, "outcome", "Scheduled backups: made or failed"),
    (
        "database_commit_group_size",
        Histogram,
        "",
        "How many batches, or on SQLite writes, were committed together",
    ),
    (
        "database_commit_wait_seconds",
        Histogram,
        "",
        "The time that batches, or on SQLite writes, waited for their commit to begin",
    ),
    (
        "database_connections_in_use",
        Gauge,
        "",
        "Connections to the database, or threads of SQLite, that are at work",
    ),
    ("database_connections_max", Gauge, "", "How many connections, or threads of SQLite, there can be"),
    ("database_log_bytes", Gauge, "", "The length of SQLite's write-ahead log"),
    ("database_requests_waiting", Gauge, "", "Requests that wait for the database"),
    ("housekeeping_rows_removed_total", Counter, "", "Expired rows that were deleted"),
    ("http_answers_unread_bytes", Gauge, "", "Memory of responses that clients have not read yet"),
    ("http_bodies_in_flight_bytes", Gauge, "", "Memory of request bodies"),
    ("http_heads_incomplete_bytes", Gauge, "", "Memory of request heads that are not complete"),
    ("http_request_duration_seconds", Histogram, "endpoint", "The time from a request to its response"),
    ("http_requests_total", Counter, "method, endpoint, status", "Requests by route pattern and status"),
    ("logins_total", Counter, "outcome", "Logins by their outcome"),
    ("mail_failed_total", Counter, "", "Attempts to send an email that failed"),
    ("mail_given_up_total", Counter, "", "Emails that are not tried again"),
    ("mail_queued", Gauge, "", "Emails that wait to be sent"),
    ("mail_sent_total", Counter, "", "Emails that the mail server took"),
    ("process_cpu_seconds_total", Counter, "", "Processor time of the process, on Linux"),
    ("process_max_fds", Gauge, "", "The most files and sockets that the process may open"),
    ("process_open_fds", Gauge, "", "Open files and sockets of the process, on Linux"),
    ("process_resident_memory_bytes", Gauge, "", "The memory of the process, on Linux"),
    ("process_start_time_seconds", Gauge, "", "When the process began, in seconds since 1970, on Linux"),
    ("process_threads", Gauge, "", "The threads of the process, on Linux"),
    ("rate_limit_refusals_total", Counter, "limit", "Requests that a rate limit refused, by limit"),
    (
        "realtime_bus_gaps_repaired_total",
        Counter,
        "",
        "Times a socket read changes from the database of which no message had arrived",
    ),
    ("realtime_bus_messages_received_total", Counter, "", "Messages from other instances"),
    ("realtime_bus_messages_sent_total", Counter, "", "Messages to other instances"),
    ("realtime_bus_up", Gauge, "", "0 while the bus between instances does not work; 1 where there is none"),
    (
        "realtime_delivery_seconds",
        Histogram,
        "",
        "The time from the stamp of a change to its delivery to a socket",
    ),
    ("realtime_events_delivered_total", Counter, "", "Events that sockets were sent"),
    (
        "realtime_events_dropped_total",
        Counter,
        "",
        "Events that a slow socket was not sent; it syncs instead",
    ),
    ("realtime_sockets_open", Gauge, "", "Open sockets"),
    ("realtime_unsent_bytes", Gauge, "", "Memory of changes that sockets have yet to send"),
    ("redis_up", Gauge, "", "1 while rate limits are counted in Redis; 0 also where there is none"),
    (
        "revocations_age_seconds",
        Gauge,
        "",
        "How old the list of ended sessions is; tokens are refused above 10",
    ),
    (
        "sync_changes_total",
        Counter,
        "outcome",
        "Changes that devices sent to the sync endpoint: applied, contested or rejected",
    ),
    (
        "sync_repairs_total",
        Counter,
        "",
        "Times a device read everything again, because its list differed or its cursor was forgotten",
    ),
    ("todo_server_build_info", Gauge, "version", "The version of the server; the value is 1"),
];

/// The values of labels that have a fixed few.
const LABELS: &[(&str, &str, &[&str])] = &[
    ("logins_total", "outcome", &["done", "wrong", "off", "disabled", "limited", "failed"]),
    ("rate_limit_refusals_total", "limit", &rate_limits::LABELS),
    ("sync_changes_total", "outcome", &["applied", "contested", "rejected"]),
];

/// Describes all series, and gives those without labels or with few their first value. The recorder must be
/// installed.
pub fn begin() {
    for (name, kind, labels, meaning) in SERIES {
        match kind {
            Counter => describe_counter!(*name, *meaning),
            Gauge => describe_gauge!(*name, *meaning),
            Histogram => describe_histogram!(*name, *meaning),
        }
        match kind {
            Counter if labels.is_empty() => counter!(*name).increment(0),
            Gauge if labels.is_empty() => gauge!(*name).increment(0.0),
            Histogram if labels.is_empty() => drop(histogram!(*name)),
            _ => {}
        }
    }
    for (name, label, values) in LABELS {
        for value in *values {
            counter!(*name, *label => *value).increment(0);
        }
    }
    gauge!("todo_server_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Measures what is read only when it is asked for.
pub struct OnDemand {
    log: Option<PathBuf>,
}

impl OnDemand {
    pub fn new(database: &DatabaseUrl) -> Self {
        let log = match database {
            DatabaseUrl::Sqlite(file) => {
                let mut log = file.clone().into_os_string();
                log.push("-wal");
                Some(log.into())
            }
            DatabaseUrl::Postgres(_) => None,
        };
        Self { log }
    }

    /// Sets the gauges of the process and of the database file.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn measure(&self) {
        process::measure();
        if let Some(log) = &self.log {
            let bytes = fs::metadata(log).map_or(0, |log| log.len());
            gauge!("database_log_bytes").set(bytes as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_page_on_operations_lists_every_series() {
        let mut table = String::from("| series | kind | labels | what it shows |\n|---|---|---|---|\n");
        for (name, kind, labels, meaning) in SERIES {
            let kind = format!("{kind:?}").to_lowercase();
            writeln!(table, "| `{name}` | {kind} | {labels} | {meaning} |").expect("written");
        }
        let page = include_str!("../../../docs/operations.md");
        assert!(page.contains(&table), "docs/operations.md needs this table:\n{table}");
    }
}
