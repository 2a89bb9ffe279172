//! `migrate`: changes the schema by hand, or shows where it stands. `serve` brings it up to date by itself.

use std::error::Error;

use clap::Subcommand;
use tokio::runtime::Builder;

use super::say;
use crate::settings::Settings;
use crate::wire;

#[derive(Subcommand)]
pub enum Step {
    /// Apply every migration that is pending
    Up,
    /// Revert the migration applied last
    Down,
    /// List the migrations and whether they are applied
    Status,
}

pub fn run(step: &Step, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let database = &settings.database;
    match step {
        Step::Up => {
            let applied = runtime.block_on(wire::migrate(database))?;
            for name in &applied {
                say(format_args!("applied {name}"));
            }
            if applied.is_empty() {
                say("The schema is up to date.");
            }
        }
        Step::Down => match runtime.block_on(wire::revert(database))? {
            Some(name) => say(format_args!("reverted {name}")),
            None => say("No migration is applied."),
        },
        Step::Status => {
            for (name, applied) in runtime.block_on(wire::migrations(database))? {
                say(format_args!("{:<8} {name}", if applied { "applied" } else { "pending" }));
            }
        }
    }
    Ok(())
}
