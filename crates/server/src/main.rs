//! The binary `todo-server`.
//!
//! - [`settings`]: what an operator may set
//! - [`wire`]: which adapter stands behind which port
//! - [`listen`]: the sockets it listens on
//! - [`telemetry`]: logs and figures
//! - [`revocations`]: hears of sessions that other instances ended
//! - [`mail_worker`]: sends what waits in the outbox
//! - [`housekeeping`]: removes what is of no more use
//! - [`stop`]: how those two hear that the server stops
//! - [`commands`]: what the binary does
//!
//! Deliberately absent: rules (they are in `domain`) and anything that a client sees (`api-actix`).

mod commands;
mod housekeeping;
mod listen;
mod mail_worker;
mod revocations;
mod settings;
mod stop;
mod telemetry;
mod wire;

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads it, the exit code still tells.
            let _ = writeln!(stderr(), "todo-server: {error}");
            ExitCode::FAILURE
        }
    }
}
