//! `cargo xtask bench`: compares the server with a baseline, a minimal program for the same work,
//! on both databases.
//!
//! - [`dataset`], [`fill`]: the content of the database
//! - [`floor`]: the baselines
//! - [`client`], [`load`]: the requests and their senders
//! - [`process`]: the processes under measurement
//! - [`database`], [`run`], [`results`]: the course of a run
//! - [`instances`]: several instances on one database
//! - [`report`]: tables, targets, `docs/benchmarks.md`
//! - [`timing`]: whether response times reveal who has an account, `docs/timing.md`
//!
//! Results are never asserted: a run fails only on a wrong response.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints its results")]

mod client;
mod database;
mod dataset;
mod fill;
mod floor;
mod instances;
mod load;
mod process;
mod report;
mod results;
mod run;
mod timing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tokio::runtime::Builder;

use crate::floor::postgres::PostgresFloor;
use crate::floor::sqlite::SqliteFloor;
use crate::load::hostile::Attack;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(about = "Compares the server with a floor on both databases")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

/// The hidden commands are the baselines, which run as separate processes.
#[derive(Subcommand)]
enum Command {
    /// Measures only whether response times reveal who has an account
    Timing,
    #[command(hide = true)]
    FloorPostgres { url: String, port: u16 },
    #[command(hide = true)]
    FloorSqlite { file: PathBuf, port: u16 },
}

#[derive(clap::Args)]
struct Options {
    /// Uses short rounds and leaves the document as it is
    #[arg(long, global = true)]
    quick: bool,
    /// Measures only this part and leaves the document as it is
    #[arg(long, global = true, value_name = "NAME")]
    only: Option<Part>,
    /// Of the part `hostile`, measures only this attack; may be repeated
    #[arg(long, global = true, value_name = "NAME", requires = "only")]
    attack: Vec<Attack>,
    /// Measures only on this database and leaves the document as it is
    #[arg(long, global = true, value_name = "NAME")]
    database: Option<Kind>,
    /// The server's binary; by default the one beside this program
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
    /// Delivery to 5,000 sockets, on one instance and on two; the bus; promotions (PostgreSQL)
    Instances,
    /// Lists during a flood of password guesses
    Flood,
    /// Other users while one account makes expensive requests
    Hostile,
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
        Some(Command::Timing) => measuring()?.block_on(timing::all(&cli.options)),
        None => measuring()?.block_on(run::all(&cli.options)),
    }
}
