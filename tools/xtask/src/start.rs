//! `cargo xtask start`: the server with its web app, on the embedded database.

use crate::process::{cargo, run};
use crate::web;

/// The address at which the server listens by default.
const ADDRESS: &str = "http://localhost:8000";

/// Builds the app if npm is there, then builds and runs the server until it is stopped.
pub fn start() -> Result<(), String> {
    let app = web::build();
    run(cargo().args(["build", "--release", "--package", "server", "--bin", "todo-server"]))?;
    println!("\n{}\n", announcement(app, web::is_built()));
    run(cargo().args(["run", "--quiet", "--release", "--package", "server", "--bin", "todo-server"]))
}

/// What the server will serve, and what is missing. It serves the app whenever one is built.
fn announcement(app: Result<(), String>, is_built: bool) -> String {
    match app {
        Ok(()) => format!("Open {ADDRESS}"),
        Err(missing) if is_built => format!("Open {ADDRESS}; its web app is an earlier build: {missing}"),
        Err(missing) => format!("The API is at {ADDRESS}, without the web app: {missing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_served_and_what_is_missing() {
        let missing = || Err("Node.js is needed".to_owned());
        assert_eq!(announcement(Ok(()), true), "Open http://localhost:8000");
        let earlier = "Open http://localhost:8000; its web app is an earlier build: Node.js is needed";
        assert_eq!(announcement(missing(), true), earlier);
        let api = "The API is at http://localhost:8000, without the web app: Node.js is needed";
        assert_eq!(announcement(missing(), false), api);
    }
}
