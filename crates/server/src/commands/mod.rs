//! The commands of the binary.

mod backup;
mod export;
mod healthcheck;
mod import;
mod migrate;
mod new_epoch;
mod openapi;
mod serve;
mod transfer;
mod user;

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

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
    NewEpoch {
        /// End every session too, as `restore` does on SQLite
        #[arg(long)]
        end_sessions: bool,
    },
    /// Copy the SQLite database to a new file, beside a running server, and check the copy
    ///
    /// The copy is one moment of the database: it contains each request's changes whole or not at all. On
    /// PostgreSQL, the command names the `pg_dump` line that does the same.
    Backup(backup::BackupArguments),
    /// Put a copy in place of the SQLite database; the server must be stopped
    ///
    /// Checks and migrates the copy, begins a new epoch, so that devices send what the database lost, and ends
    /// every session. The replaced database stays beside the new one, under another name.
    Restore(backup::RestoreArguments),
    /// Read the whole database, beside a running server, and look for rows that disagree
    ///
    /// Recomputes clocks, counts, bytes and digests, and looks for rows that refer to nothing and for values that
    /// can't be. Exits with code 3 if something is wrong.
    Check(backup::CheckArguments),
    /// Copy everything to a database of the other kind, SQLite or PostgreSQL
    ///
    /// Cursors, tokens and sessions go on working. Compares the rows and digests of both databases at the end.
    Move(transfer::Arguments),
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
    /// Print everything stored about a user, as `GET /api/v1/users/me/export` has it
    Export(export::Arguments),
    /// Print the OpenAPI document
    Openapi,
    /// Print the AsyncAPI document of the WebSocket
    Asyncapi,
    /// Print a script that completes the commands in a shell
    ///
    /// For bash: todo-server completions bash > ~/.local/share/bash-completion/completions/todo-server
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Check the settings, without connecting to the database (`migrate status` does)
    CheckConfig {
        /// Print the settings that are in effect, without secrets
        #[arg(long)]
        print: bool,
    },
    /// Check that the running server is ready; for containers
    Healthcheck,
}

impl Cli {
    /// Runs the command. The error is a sentence for the operator.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(&settings()?)?,
            Command::Migrate { step } => return migrate::run(&step, &settings()?),
            Command::NewEpoch { end_sessions } => new_epoch::run(end_sessions, &settings()?)?,
            Command::Backup(arguments) => backup::back_up(&arguments, &settings()?)?,
            Command::Restore(arguments) => backup::restore(&arguments, &settings()?)?,
            Command::Check(arguments) => return backup::check(&arguments, &settings()?),
            Command::Move(arguments) => transfer::run(&arguments, &settings()?)?,
            Command::User { action } => user::run(&action, &settings()?)?,
            Command::Import(arguments) => import::run(&arguments, &settings()?)?,
            Command::Export(arguments) => export::run(&arguments, &settings()?)?,
            Command::Openapi => openapi::run()?,
            Command::Asyncapi => openapi::run_asyncapi()?,
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "todo-server", &mut io::stdout());
            }
            Command::CheckConfig { print: shows } => {
                let settings = settings()?;
                wire::check(&settings.database)?;
                if shows {
                    print(format_args!("{settings:#?}"));
                }
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
