//! The binary `todo-server`.
//!
//! - [`settings`]: reads the settings
//! - [`wire`]: chooses the adapter behind each port
//! - [`listen`]: opens the listening sockets
//! - [`descriptors`]: the limit of open files
//! - [`telemetry`]: logs, metrics, traces and reports of errors; [`series`]: what the metrics are; [`process`]: those of the process
//! - [`rate_limits`]: counts what the rate limits refuse
//! - [`revocations`]: reads which sessions other instances ended
//! - [`mail_worker`]: sends the emails in the outbox
//! - [`housekeeping`]: deletes expired rows
//! - [`instances`]: what this instance and the others on its database tell each other
//! - [`shared_limits`]: tells where rate limits are counted
//! - [`backups`]: copies an SQLite database, on a schedule and before migrations
//! - [`background`]: threads for work that may wait
//! - [`deletions`]: deletes what remains of deleted accounts
//! - [`stop`]: asks the background workers to stop
//! - [`supervise`]: restarts background tasks that end or panic
//! - [`commands`]: the commands of the binary
//!
//! Deliberately absent: rules (in `domain`) and the API (in `api-actix`).

mod background;
mod backups;
mod commands;
mod deletions;
mod descriptors;
mod housekeeping;
mod instances;
mod listen;
mod mail_worker;
mod process;
mod rate_limits;
mod revocations;
mod series;
mod settings;
mod shared_limits;
mod stop;
mod supervise;
mod telemetry;
mod wire;

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            for line in error.to_string().lines() {
                // If standard error is closed, the exit code still reports the failure.
                let _ = writeln!(stderr(), "todo-server: {line}");
            }
            ExitCode::FAILURE
        }
    }
}
