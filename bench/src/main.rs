//! Measures the server beside a floor of its own, on both databases: `cargo xtask bench`.
//!
//! - [`world`], [`fill`]: what lies in the database
//! - [`floor`]: the least that could do the same work
//! - [`load`]: the requests and who sends them
//! - [`process`]: starting what is measured, and what it uses
//! - [`database`], [`run`]: the course of a run
//! - [`report`]: tables, targets, `docs/benchmarks.md`
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
mod world;

use std::path::PathBuf;
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
    floor: Option<FloorOf>,
    #[command(flatten)]
    options: Options,
}

/// The floors run as processes of their own.
#[derive(Subcommand)]
enum FloorOf {
    #[command(hide = true)]
    FloorPostgres { url: String, port: u16 },
    #[command(hide = true)]
    FloorSqlite { file: PathBuf, port: u16 },
}

#[derive(clap::Args)]
struct Options {
    /// Short rounds, for a look; the document is left as it is
    #[arg(long)]
    quick: bool,
    /// Measures this alone; the document is left as it is
    #[arg(long, value_name = "NAME")]
    only: Option<Part>,
    /// Measures on this database alone; the document is left as it is
    #[arg(long, value_name = "NAME")]
    database: Option<Kind>,
    /// The server's binary; beside this one unless said otherwise
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
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
    /// Versioned patches, and syncs of 100 todos
    Patch,
    /// New todos
    Create,
    /// Delivery to 1,000 sockets
    Events,
}

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.floor {
        Some(floor) => serve(floor),
        None => measure(&cli.options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(floor: FloorOf) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        match floor {
            FloorOf::FloorPostgres { url, port } => floor::serve(PostgresFloor::new(&url)?, port).await,
            FloorOf::FloorSqlite { file, port } => floor::serve(SqliteFloor::open(&file)?, port).await,
        }
    })
}

fn measure(options: &Options) -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(run::all(options))
}
