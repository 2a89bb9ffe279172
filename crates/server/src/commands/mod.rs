//! What the binary can be asked to do.

mod healthcheck;
mod migrate;
mod openapi;
mod serve;

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;

use clap::{Parser, Subcommand};

use crate::settings::{Settings, SettingsError};
use crate::wire;

/// Todos that follow their owner from device to device.
#[derive(Parser)]
#[command(name = "todo-server", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (what happens without a command too)
    Serve,
    /// Change the database's schema, or show where it stands
    Migrate {
        #[command(subcommand)]
        step: migrate::Step,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Check these settings; whether the database can be reached is for `migrate status` to tell
    CheckConfig,
    /// Ask the server that these settings describe whether it is ready; for containers
    Healthcheck,
}

impl Cli {
    /// Does it; the error is a sentence for whoever asked.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(&settings()?),
            Command::Migrate { step } => migrate::run(&step, &settings()?),
            Command::Openapi => openapi::run(),
            Command::CheckConfig => {
                wire::check(&settings()?.database)?;
                say("The settings are good.");
                Ok(())
            }
            Command::Healthcheck => Ok(healthcheck::run(&settings()?)?),
        }
    }
}

fn settings() -> Result<Settings, SettingsError> {
    Settings::load(Path::new(""), std::env::vars_os())
}

/// Prints a line. Where nobody reads it there is nobody to tell.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
