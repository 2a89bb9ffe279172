//! `cargo xtask bench`: builds the server and the benchmark in release mode and runs it.

use crate::process::{cargo, command, run as run_command, target};
use crate::tools;

/// A thousand sockets, each open at both ends, and some files.
const FILES: &str = "ulimit -n 8192 && exec \"$@\"";

/// `arguments` go to the benchmark as they are.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    tools::postgres()?;
    run_command(cargo().args(["build", "--release", "--package", "server", "--package", "bench"]))?;
    run_command(command("sh").args(["-c", FILES, "sh"]).arg(target()?.join("release/bench")).args(arguments))
}
