//! `cargo xtask test`: every test of the workspace, with everything they need.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use postgres_testbed::Testbed;

use crate::process::{cargo, run as run_command, target};
use crate::summary::Summary;
use crate::tools;

/// `arguments` go to `cargo test` as they are: before a `--` its own, after it a filter.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    let start = Instant::now();
    tools::postgres()?;
    tools::npm_project("tests/typescript-client")?;
    tools::npm_project("tests/openapi-tools")?;
    tools::npm_project("tests/openid-provider")?;
    tools::npm_project("tests/better-auth")?;
    let schemathesis = tools::python_program("schemathesis")?;
    let python = tools::python_program("python")?;
    run_command(cargo().args(["build", "--package", "server", "--bin", "todo-server"]))?;
    // Held until the end, so that the test binaries don't each start a cluster of their own.
    let _held = Testbed::shared();

    let own = arguments.iter().take_while(|argument| **argument != "--");
    let chosen =
        own.into_iter().any(|a| *a == "-p" || a.starts_with("--package") || a.starts_with("--manifest-path"));
    let mut tests = cargo();
    tests.arg("test").arg("--no-fail-fast").args((!chosen).then_some("--workspace")).args(arguments);
    tests.env("TODO_SERVER_BIN", target()?.join("debug/todo-server")).env("SCHEMATHESIS_BIN", schemathesis);
    tests.env("PYTHON_BIN", python);
    let mut summary = Summary::default();
    let passed = follow(&mut tests, &mut summary);

    println!("\n{summary}; {} s in all", start.elapsed().as_secs());
    passed
}

/// Runs it, passing its standard output on line by line.
fn follow(tests: &mut Command, summary: &mut Summary) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("could not run cargo test: {e}");
    let mut child = tests.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut stdout = std::io::stdout().lock();
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).split(b'\n')) {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        summary.take(&line);
        writeln!(stdout, "{line}").map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err("not all tests passed".to_owned()) }
}
