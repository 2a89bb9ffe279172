//! Measures the server beside a floor of its own, on both databases: `cargo xtask bench`.
//!
//! - [`world`], [`fill`]: what lies in the database
//! - [`floor`]: the least that could do the same work
//! - [`load`]: the requests and who sends them
//! - [`process`]: starting what is measured, and what it uses
//! - [`database`], [`run`]: the course of a run
//! - [`report`]: tables, targets, `docs/benchmarks.md`
//! - [`timing`]: whether the time of an answer tells who has an account, `docs/timing.md`
//!
//! Figures are never asserted: a run ends well whatever they are, and badly when an answer is wrong.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to the one who typed it")]
#![allow(missing_docs, reason = "nobody builds on this crate")]

mod database;
mod fill;
mod floor;
mod load;
mod process;
mod report;
mod run;
mod timing;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tokio::runtime::Builder;

use crate::floor::postgres::PostgresFloor;
use crate::floor::sqlite::SqliteFloor;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(about = "Measures the server beside a floor of its own")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

/// The floors run as processes of their own.
#[derive(Subcommand)]
enum Command {
    /// Measures whether the time of an answer tells who has an account, in place of the rest
    LikeTime,
    #[command(hide = true)]
    FloorPostgres { url: String, port: u16 },
    #[command(hide = true)]
    FloorSqlite { file: PathBuf, port: u16 },
}

#[derive(clap::Args)]
struct Options {
    /// Short rounds, for a look; the document is left as it is
    #[arg(long, global = true)]
    quick: bool,
    /// Measures this alone; the document is left as it is
    #[arg(long, global = true, value_name = "NAME")]
    only: Option<Part>,
    /// Measures on this database alone; the document is left as it is
    #[arg(long, global = true, value_name = "NAME")]
    database: Option<Kind>,
    /// The server's binary; beside this one unless said otherwise
    #[arg(long, global = true, value_name = "FILE")]
    server: Option<PathBuf>,
}

impl Options {
    fn server(&self) -> Result<PathBuf> {
        let own = std::env::current_exe()?;
        let beside = || own.parent().map_or_else(PathBuf::new, Path::to_owned).join("todo-server");
        Ok(self.server.clone().unwrap_or_else(beside))
    }
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Time to healthy and idle memory
    Start,
    /// One todo
    Get,
    /// A page of 50
    List,
    /// A thousand tasks
    Tasks,
    /// Versioned patches, and syncs of 100 todos
    Patch,
    /// New todos
    Create,
    /// Delivery to 1,000 sockets
    Events,
    /// Lists while others guess passwords
    Flood,
}

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: &Cli) -> Result<()> {
    let serving = actix_web::rt::System::new;
    let measuring = || Builder::new_current_thread().enable_all().build();
    match &cli.command {
        Some(Command::FloorPostgres { url, port }) => {
            serving().block_on(async { floor::serve(PostgresFloor::new(url)?, *port).await })
        }
        Some(Command::FloorSqlite { file, port }) => {
            serving().block_on(async { floor::serve(SqliteFloor::open(file)?, *port).await })
        }
        Some(Command::LikeTime) => measuring()?.block_on(timing::all(&cli.options)),
        None => measuring()?.block_on(run::all(&cli.options)),
    }
}
