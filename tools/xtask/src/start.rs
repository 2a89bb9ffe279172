//! `cargo xtask start`: the server with its web app, on the embedded database.

use crate::process::{cargo, run};
use crate::web;

/// The address at which the server listens by default.
const ADDRESS: &str = "http://localhost:8000";

/// Builds the app if npm is there, then builds and runs the server until it is stopped.
pub fn start() -> Result<(), String> {
    let app = web::build();
    run(cargo().args(["build", "--release", "--package", "server", "--bin", "todo-server"]))?;
    match app {
        Ok(()) => println!("\nOpen {ADDRESS}\n"),
        Err(missing) => println!("\nThe API is at {ADDRESS}, without the web app: {missing}\n"),
    }
    run(cargo().args(["run", "--quiet", "--release", "--package", "server", "--bin", "todo-server"]))
}
