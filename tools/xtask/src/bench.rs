//! `cargo xtask bench`: builds the server and the benchmark in release mode and runs it.

use crate::process::{cargo, command, run as run_command, target};
use crate::tools;

/// Raises the limit of open files: a thousand sockets have two ends each.
const RAISE_LIMIT: &str = "ulimit -n 8192 && exec \"$@\"";

/// Builds and runs the benchmark with `arguments`.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    tools::postgres()?;
    run_command(cargo().args(["build", "--release", "--package", "server", "--package", "bench"]))?;
    run_command(
        command("sh").args(["-c", RAISE_LIMIT, "sh"]).arg(target()?.join("release/bench")).args(arguments),
    )
}
