//! Running other programs from the workspace's root.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// Cargo's target folder, found from this program's own path.
pub fn target() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|e| format!("could not find the path of this program: {e}"))?;
    // The tests of this program are one folder deeper.
    let profile = own.ancestors().skip(1).find(|folder| folder.file_name() != Some(OsStr::new("deps")));
    let target = profile.and_then(Path::parent);
    target.map(Path::to_owned).ok_or_else(|| format!("{} is not in a target folder", own.display()))
}

/// A command to run in the workspace's root.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that started this program.
pub fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command that writes to this program's output.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|e| failure(command, &e.to_string()))?;
    if status.success() { Ok(()) } else { Err(failure(command, &status.to_string())) }
}

/// Runs a command in this program's place, under its process id. Returns only if it could not, and why.
pub fn replace_by(command: &mut Command) -> String {
    let error = command.exec();
    failure(command, &error.to_string())
}

/// Runs a command and returns its standard output; standard error goes to the terminal.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| failure(command, &e.to_string()))?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|e| failure(command, &e.to_string()))
    } else {
        Err(failure(command, &output.status.to_string()))
    }
}

/// Whether the command can be run and succeeds. Its output is discarded.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The sentence for a command that could not be run, or failed.
pub fn failure(command: &Command, problem: &str) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    format!("`{}` failed: {problem}", words.join(" "))
}

/// Reads a file of the workspace.
pub fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("could not read {}: {e}", path.display()))
}
