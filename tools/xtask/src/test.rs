//! `cargo xtask test`: the workspace's tests with everything that they need.

use std::process::Command;

use postgres_testbed::Testbed;

use crate::process::{cargo, command, run as run_command, target};
use crate::{failures, tools, web};

/// Packages that `--quick` leaves out: they need PostgreSQL or Redis, or do not change with the product.
const NOT_QUICK: [&str; 5] =
    ["adapters-postgres", "adapters-redis", "bench", "blackbox-tests", "postgres-testbed"];

/// The black-box tests of `--quick`, by the beginnings of their names: the main job on each surface.
const QUICK_BLACK_BOX: [&str; 4] =
    ["two_devices", "sync::exchange", "contracts::surfaces", "realtime::events"];

/// Runs the tests. With `--quick`, runs only those that need no program but cargo, on SQLite.
/// Otherwise runs all, and passes `arguments` to `cargo test`: its own options before a `--`,
/// filters after it.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    if arguments == ["--quick"] { quick() } else { all(arguments) }
}

fn quick() -> Result<(), String> {
    let mut tests = cargo();
    tests.args(["test", "--workspace"]);
    for package in NOT_QUICK {
        tests.args(["--exclude", package]);
    }
    run_command(&mut tests)?;
    serde_forms()?;
    let mut black_box = black_box()?;
    black_box.args(["test", "--package", "blackbox-tests", "--", "--skip", "postgres"]);
    run_command(black_box.args(QUICK_BLACK_BOX))
}

fn all(arguments: &[&str]) -> Result<(), String> {
    tools::postgres()?;
    tools::pooler()?;
    tools::nginx()?;
    tools::redis()?;
    tools::libfaketime()?;
    tools::systemd()?;
    for project in
        ["typescript-client", "generated-clients", "openapi-tools", "openid-provider", "better-auth", "web"]
    {
        tools::npm_project(&format!("tests/{project}"))?;
    }
    tools::chromium()?;
    web::build()?;
    web::build_example()?;
    let schemathesis = tools::python_program("schemathesis")?;
    let python = tools::python_program("python")?;
    let promtool = tools::promtool()?;
    // Held until the end, so that the test binaries share one cluster.
    let cluster = Testbed::shared();

    let mut options = arguments.iter().take_while(|argument| **argument != "--");
    let chosen =
        options.any(|a| *a == "-p" || a.starts_with("--package") || a.starts_with("--manifest-path"));
    if !chosen {
        serde_forms()?;
    }
    let mut tests = black_box()?;
    tests.args(["test", "--no-fail-fast"]).args((!chosen).then_some("--workspace")).args(arguments);
    tests.env("SCHEMATHESIS_BIN", schemathesis).env("PYTHON_BIN", python).env("PROMTOOL_BIN", promtool);
    let tested = failures::repeated(&mut tests);
    let packages = if arguments.is_empty() { javascript() } else { Ok(()) };
    tested.and(packages)?;
    // A setting outlives its session only by a mistake, of the server or of a test.
    let changed = cluster.changed_settings();
    if changed.is_empty() {
        Ok(())
    } else {
        Err(format!("the tests left settings behind in PostgreSQL:\n{}", changed.join("\n")))
    }
}

/// Builds and checks the packages of the npm workspaces, and runs their tests with the server.
fn javascript() -> Result<(), String> {
    tools::npm_project(".")?;
    tools::chromium()?;
    let mut verify = command("npm");
    verify.args(["run", "--silent", "--workspaces", "--if-present", "verify"]);
    run_command(verify.env("TODO_SERVER_BIN", target()?.join("debug/todo-server")))
}

/// Tests the serde forms of `domain`, which are behind a feature that the workspace leaves off.
fn serde_forms() -> Result<(), String> {
    run_command(cargo().args(["test", "--package", "domain", "--features", "serde", "--test", "serde_forms"]))
}

/// Cargo, with the server built for the black-box tests.
fn black_box() -> Result<Command, String> {
    run_command(cargo().args(["build", "--package", "server", "--bin", "todo-server"]))?;
    let mut cargo = cargo();
    cargo.env("TODO_SERVER_BIN", target()?.join("debug/todo-server"));
    Ok(cargo)
}
