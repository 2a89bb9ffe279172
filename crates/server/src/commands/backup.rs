//! `backup`, `restore` and `check`: copies of a database, and whether it is consistent.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use domain::snapshot::Report;
use tokio::runtime::Builder;

use super::print;
use crate::settings::Settings;
use crate::{telemetry, wire};

/// The exit code of `check` if something is wrong.
const INCONSISTENT: u8 = 3;

#[derive(Args)]
pub struct BackupArguments {
    /// The new file, or - for standard output
    file: PathBuf,
}

#[derive(Args)]
pub struct RestoreArguments {
    /// The copy that `backup` made
    file: PathBuf,
    /// Leave the sessions open that were open when the copy was made, except those that were ended since, as far as
    /// the replaced database tells
    #[arg(long)]
    keep_sessions: bool,
}

#[derive(Args)]
pub struct CheckArguments {
    /// Mend what can be recomputed: the clock, counts, bytes and digest of each user
    #[arg(long)]
    repair: bool,
}

pub fn back_up(arguments: &BackupArguments, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let to_output = arguments.file == Path::new("-");
    if to_output && io::stdout().is_terminal() {
        return Err("standard output is a terminal; redirect it, or name a file".into());
    }
    let runtime = Builder::new_current_thread().build()?;
    let report = runtime.block_on(wire::back_up(&settings.database, &arguments.file))?;
    let done = format!("backed up {}", totals(&report));
    let wrong = problems(&report)
        .map(|problem| format!("the database is inconsistent, and so is its copy: {problem}"));
    for line in iter::once(done).chain(wrong) {
        // The copy itself goes to standard output.
        if to_output { writeln!(io::stderr(), "{line}")? } else { print(line) }
    }
    Ok(())
}

pub fn restore(arguments: &RestoreArguments, settings: &Settings) -> Result<(), Box<dyn Error>> {
    telemetry::init_logging(settings);
    let runtime = Builder::new_current_thread().build()?;
    let restoring = wire::restore(&settings.database, &arguments.file, arguments.keep_sessions);
    let restored = runtime.block_on(restoring)?;
    print(format_args!("restored {}", totals(&restored.report)));
    if let Some(kept) = &restored.kept {
        print(format_args!("the replaced database is {} now", kept.display()));
    }
    print(format_args!("the database is in the epoch {} now; devices send what it lost", restored.epoch));
    match restored.sessions {
        None => print("sessions stay open; which of them were ended after the backup is not known"),
        Some(ended) if arguments.keep_sessions => {
            print(format_args!("sessions stay open, except {ended} that were ended after the backup"));
        }
        Some(ended) => print(format_args!("ended {ended} sessions; users log in again")),
    }
    match &restored.deleted {
        None => print("which accounts were deleted after the backup is not known"),
        Some(deleted) => {
            for (user, email) in deleted {
                let email = email.as_deref().unwrap_or("without an address");
                print(format_args!("deleted after the backup, and there again: {user} {email}"));
            }
        }
    }
    for problem in problems(&restored.report) {
        print(format_args!("inconsistent: {problem}"));
    }
    Ok(())
}

pub fn check(arguments: &CheckArguments, settings: &Settings) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (report, repaired) = runtime.block_on(wire::check_database(&settings.database, arguments.repair))?;
    for (table, contents) in &report.tables {
        print(format_args!("{:>10} rows of {table}", contents.rows));
    }
    if repaired > 0 {
        print(format_args!("repaired the totals of {repaired} users"));
    }
    for problem in problems(&report) {
        print(format_args!("inconsistent: {problem}"));
    }
    if report.findings.is_empty() {
        print("The database is consistent.");
        return Ok(ExitCode::SUCCESS);
    }
    if !report.recounts.is_empty() {
        print("`todo-server check --repair` mends the totals of users.");
    }
    Ok(INCONSISTENT.into())
}

/// The numbers of users and todos. Empty for a database of an older version.
fn totals(report: &Report) -> String {
    let rows = |table| report.tables.get(table).map_or(0, |contents| contents.rows);
    if report.tables.is_empty() {
        return "a database of an older version".to_owned();
    }
    format!("{} users and {} todos, tombstones included", rows("users"), rows("todos"))
}

fn problems(report: &Report) -> impl Iterator<Item = String> {
    report.findings.iter().map(|finding| match finding.user {
        Some(user) => format!("{} of user {user}: {}", finding.table, finding.problem),
        None => format!("{}: {}", finding.table, finding.problem),
    })
}
