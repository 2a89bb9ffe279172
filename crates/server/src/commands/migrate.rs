//! `migrate`: changes the schema, or shows its state. `serve` applies pending migrations by itself.

use std::error::Error;

use clap::Subcommand;
use tokio::runtime::Builder;

use super::print;
use crate::settings::Settings;
use crate::wire;

#[derive(Subcommand)]
pub enum Step {
    /// Apply all pending migrations
    Up,
    /// Revert the last applied migration
    Down,
    /// List all migrations with their state
    Status,
}

pub fn run(step: &Step, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let database = &settings.database;
    match step {
        Step::Up => {
            let applied = runtime.block_on(wire::migrate(database))?;
            for name in &applied {
                print(format_args!("applied {name}"));
            }
            if applied.is_empty() {
                print("The schema is up to date.");
            }
        }
        Step::Down => match runtime.block_on(wire::revert(database))? {
            Some(name) => print(format_args!("reverted {name}")),
            None => print("No migration is applied."),
        },
        Step::Status => {
            for (name, applied) in runtime.block_on(wire::migrations(database))? {
                print(format_args!("{:<8} {name}", if applied { "applied" } else { "pending" }));
            }
        }
    }
    Ok(())
}
