//! `migrate`: changes the schema, or shows its state. `serve` applies pending migrations by itself.

use std::error::Error;
use std::process::ExitCode;

use adapters_postgres::RowSecurity;
use clap::{Subcommand, ValueEnum};
use thiserror::Error;
use tokio::runtime::Builder;

use super::print;
use crate::settings::{Database, Environment, Settings};
use crate::wire::{self, MigrationStatus, Reversion};

/// The exit code of `status --check` with migrations pending.
const PENDING: u8 = 3;

#[derive(Subcommand)]
pub enum Step {
    /// Apply all pending migrations
    Up,
    /// Revert the last applied migration, which can delete data; shows what unless confirmed
    Down {
        /// Delete what the migration deletes (in production: --destroy-data)
        #[arg(long)]
        yes: bool,
        /// Delete what the migration deletes, in production too
        #[arg(long)]
        destroy_data: bool,
    },
    /// Choose what row-level security restricts in the schema of a PostgreSQL database
    RowSecurity {
        #[arg(value_enum)]
        restricts: Restricts,
    },
    /// List all migrations with their state
    Status {
        /// Exit with code 3 if a migration is pending
        #[arg(long)]
        check: bool,
    },
}

/// What row-level security restricts.
#[derive(Clone, Copy, ValueEnum)]
pub enum Restricts {
    /// Reads too; every server then needs `DATABASE_ROW_SECURITY=all`
    All,
    /// Writes only
    Writes,
}

/// A reversion that was not confirmed.
#[derive(Debug, Error)]
#[error("nothing was changed; to revert {name}, run: todo-server migrate down {flag}")]
struct NotConfirmed {
    name: String,
    flag: &'static str,
}

pub fn run(step: &Step, settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let database = &settings.database;
    match *step {
        Step::Up => {
            let _lock = wire::lock(database, "migrate up")?;
            let applied = runtime.block_on(wire::migrate(database))?;
            for name in &applied {
                print(format_args!("applied {name}"));
            }
            if applied.is_empty() {
                print("The schema is up to date.");
            }
        }
        Step::Down { yes, destroy_data } => {
            let (confirmed, flag) = match settings.environment {
                Environment::Production => (destroy_data, "--destroy-data"),
                Environment::Development | Environment::Staging => (yes || destroy_data, "--yes"),
            };
            runtime.block_on(down(database, confirmed, flag))?;
        }
        Step::RowSecurity { restricts } => {
            let (row_security, what) = match restricts {
                Restricts::All => (RowSecurity::All, "reads and writes"),
                Restricts::Writes => (RowSecurity::Writes, "writes"),
            };
            runtime.block_on(wire::set_row_security(database, row_security))?;
            print(format_args!("Row-level security restricts {what}."));
        }
        Step::Status { check } => {
            let migrations = runtime.block_on(wire::migrations(database))?;
            for (name, status) in &migrations {
                let status = match status {
                    MigrationStatus::Applied => "applied",
                    MigrationStatus::Pending => "pending",
                    MigrationStatus::Unknown => "unknown",
                };
                print(format_args!("{status:<8} {name}"));
            }
            if check && migrations.iter().any(|(_, status)| *status == MigrationStatus::Pending) {
                return Ok(PENDING.into());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn down(database: &Database, confirmed: bool, flag: &'static str) -> Result<(), Box<dyn Error>> {
    let _lock = wire::lock(database, "migrate down")?;
    let Some(Reversion { name, lost }) = wire::revert(database, confirmed).await? else {
        print("No migration is applied.");
        return Ok(());
    };
    let verb = if confirmed { "deleted" } else { "would delete" };
    for lost in &lost {
        print(format_args!("{verb} {lost}"));
    }
    if !confirmed {
        return Err(NotConfirmed { name, flag }.into());
    }
    print(format_args!("reverted {name}"));
    Ok(())
}
