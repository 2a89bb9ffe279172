//! The commands of the binary.

mod healthcheck;
mod import;
mod migrate;
mod new_epoch;
mod openapi;
mod serve;
mod user;

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::{Settings, SettingsError};
use crate::wire;

/// A server for todo lists that stay in sync across devices.
#[derive(Parser)]
#[command(name = "todo-server", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (the default)
    Serve,
    /// Change the database schema, or show its state
    Migrate {
        #[command(subcommand)]
        step: migrate::Step,
    },
    /// Begin a new history of the database, after it was restored or lost changes in another way
    ///
    /// Each device then compares what it holds with the server, and sends what the database lost. If the
    /// database lost nothing, devices go on as before. A running server need not be stopped. Run this after
    /// every restore of a backup, and after a failover to a standby that was behind, unless the server runs
    /// with `DATABASE_EPOCH=timeline`. It applies pending migrations first.
    NewEpoch,
    /// Administer users, beside a running server
    User {
        #[command(subcommand)]
        action: user::Action,
    },
    /// Add the tasks of another program's export to a user's list
    ///
    /// The program is recognised by the file: Todoist (CSV), TickTick (CSV), Microsoft To Do (JSON of Microsoft
    /// Graph), Google Tasks (Tasks.json), Tasks.org (JSON) or Super Productivity (JSON). Importing a file again
    /// creates nothing twice. A running server need not be stopped.
    Import(import::Arguments),
    /// Print the OpenAPI document
    Openapi,
    /// Print the AsyncAPI document of the WebSocket
    Asyncapi,
    /// Check the settings, without connecting to the database (`migrate status` does)
    CheckConfig,
    /// Check that the running server is ready; for containers
    Healthcheck,
}

impl Cli {
    /// Runs the command. The error is a sentence for the operator.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(&settings()?)?,
            Command::Migrate { step } => return migrate::run(&step, &settings()?),
            Command::NewEpoch => new_epoch::run(&settings()?)?,
            Command::User { action } => user::run(&action, &settings()?)?,
            Command::Import(arguments) => import::run(&arguments, &settings()?)?,
            Command::Openapi => openapi::run()?,
            Command::Asyncapi => openapi::run_asyncapi()?,
            Command::CheckConfig => {
                let settings = settings()?;
                wire::check(&settings.database)?;
                for warning in &settings.warnings {
                    print(format_args!("warning: {warning}"));
                }
                print("The settings are valid.");
            }
            Command::Healthcheck => healthcheck::run(&settings()?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn settings() -> Result<Settings, SettingsError> {
    Settings::load(Path::new(""), std::env::vars_os())
}

/// Prints a line to standard output. If that is closed, the line is lost.
fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
