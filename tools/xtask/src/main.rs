//! The project's own commands, run as `cargo xtask COMMAND`: one file per command.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints its results")]

mod bench;
#[cfg(test)]
mod claims;
mod coverage;
mod deps;
mod failures;
mod openapi;
mod process;
mod start;
mod test;
mod tools;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  start [CARGO OPTIONS]                     builds the web app and the server, and runs them on http://localhost:8000
  test --quick                              runs the tests that need only cargo: for every change
  test [CARGO TEST ARGUMENTS] [-- FILTER]   runs all tests; installs or starts what they need
  bench [--quick] [--only NAME]             measures the server and its floors; writes docs/benchmarks.md
  bench timing                              measures whether response times reveal accounts; writes docs/timing.md
  coverage                                  measures which lines the tests execute, and fails below the floors
  openapi [--check]                         writes openapi/openapi.json, or compares and lints it
  deps                                      checks the arrows between crates and modules, and docs on public items";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["start", options @ ..] => start::start(options),
        ["test", rest @ ..] => test::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["coverage"] => coverage::run(),
        ["openapi"] => openapi::write(),
        ["openapi", "--check"] => openapi::check(),
        ["deps"] => deps::run(),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}
