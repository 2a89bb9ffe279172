//! `cargo xtask start`: the server with its web app, on the embedded database.

use crate::process::{cargo, replace_by, run};
use crate::web;

const SERVER: [&str; 4] = ["--package", "server", "--bin", "todo-server"];

/// Builds the app if npm is there, then the server, and becomes the server, which prints its address and ends with
/// Ctrl-C. `options` are options of Cargo in place of `--release`.
pub fn start(options: &[&str]) -> Result<(), String> {
    let app = web::build();
    let options = if options.is_empty() { &["--release"] } else { options };
    run(cargo().arg("build").args(SERVER).args(options))?;
    if let Err(missing) = app {
        println!("\n{}\n", without_npm(&missing, web::is_built()));
    }
    Err(replace_by(cargo().args(["run", "--quiet"]).args(SERVER).args(options)))
}

/// What the server will serve although the app could not be built.
fn without_npm(missing: &str, is_built: bool) -> String {
    if is_built {
        format!("The web app is an earlier build: {missing}")
    } else {
        format!("The server serves the API without the web app: {missing}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_served_and_what_is_missing() {
        let missing = "Node.js is needed";
        assert_eq!(without_npm(missing, true), "The web app is an earlier build: Node.js is needed");
        let api = "The server serves the API without the web app: Node.js is needed";
        assert_eq!(without_npm(missing, false), api);
    }
}
