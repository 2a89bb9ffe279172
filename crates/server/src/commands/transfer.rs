//! `move`: copies everything into a database of the other kind.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::print;
use crate::settings::{DatabaseUrl, Settings};
use crate::wire::{self, Moved};

#[derive(Args)]
pub struct Arguments {
    /// The database to copy, which no server may use meanwhile; for PostgreSQL, the URL of the tables' owner
    #[arg(long, value_name = "URL", env = "MOVE_FROM_URL", hide_env_values = true)]
    from: String,
    /// An empty database, or an SQLite file that does not exist; for PostgreSQL, the URL of the tables' owner
    #[arg(long, value_name = "URL", env = "MOVE_TO_URL", hide_env_values = true)]
    to: String,
}

pub fn run(arguments: &Arguments, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let parse = |flag, url: &str| DatabaseUrl::parse(url).map_err(|problem| format!("{flag} {problem}"));
    let from = settings.database.at(parse("--from", &arguments.from)?);
    let to = settings.database.at(parse("--to", &arguments.to)?);
    let moved = runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let stopped = async {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
        };
        tokio::select! {
            moved = wire::transfer(&from, &to, progress) => moved.map_err(|error| {
                format!("{error}; nothing was moved, and the target is as it was").into()
            }),
            () = stopped => Err::<_, Box<dyn Error>>("the move was broken off; the target is empty".into()),
        }
    });
    clear_progress();
    let Moved { source, target } = moved?;
    let different =
        source.tables.iter().filter(|(name, contents)| target.tables.get(*name) != Some(*contents));
    let different: Vec<_> = different.map(|(name, _)| *name).collect();
    if !different.is_empty() {
        let tables = different.join(", ");
        return Err(format!("the target differs in {tables}: empty it, and move again").into());
    }
    for (table, contents) in &target.tables {
        print(format_args!("{:>10} rows of {table}", contents.rows));
    }
    print("Both databases have the same rows and digests. Serve the new one, and never the old one again.");
    for finding in &source.findings {
        print(format_args!("the old database is inconsistent, and so is the new one: {}", finding.problem));
    }
    Ok(())
}

/// Shows the progress on a terminal.
fn progress(table: &'static str, rows: usize) {
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K{rows} rows of {table}");
    }
}

fn clear_progress() {
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K");
    }
}
