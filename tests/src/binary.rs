//! The path of the binary under test.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The path of `todo-server`: `TODO_SERVER_BIN` if set, otherwise a debug build made on first use.
pub fn todo_server() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("TODO_SERVER_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "server", "--bin", "todo-server"])
        .current_dir(workspace())
        .status()
        .expect("cargo can be run");
    assert!(status.success(), "`cargo build --package server` failed");
    // The path of this executable is target/PROFILE/deps/NAME.
    let mut target = std::env::current_exe().expect("the test has a path");
    target.pop();
    target.pop();
    target.pop();
    target.join("debug/todo-server")
}

/// The root of the repository.
#[must_use]
pub fn workspace() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
