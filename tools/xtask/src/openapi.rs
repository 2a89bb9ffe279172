//! `cargo xtask openapi`: writes the committed OpenAPI and AsyncAPI documents from the server, or compares
//! and lints them.

use crate::process::{cargo, command, output, read, root, run, target};
use crate::tools;

/// The committed documents, each with the command of the server that prints it.
const DOCUMENTS: [(&str, &str); 2] =
    [("openapi/openapi.json", "openapi"), ("openapi/asyncapi.json", "asyncapi")];

/// Writes the documents that the server prints.
pub fn write() -> Result<(), String> {
    build()?;
    for (path, name) in DOCUMENTS {
        std::fs::write(root().join(path), generated(name)?)
            .map_err(|e| format!("could not write {path}: {e}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails if a committed document differs from the server's, or if a linter finds fault with one.
pub fn check() -> Result<(), String> {
    build()?;
    for (path, name) in DOCUMENTS {
        if let Some(difference) = difference(&read(&root().join(path))?, &generated(name)?) {
            return Err(format!("{path} is out of date (`cargo xtask openapi` renews it): {difference}"));
        }
    }
    let tools = tools::npm_project("tests/openapi-tools")?;
    let programs = tools.join("node_modules/.bin");
    let mut redocly = command(programs.join("redocly"));
    redocly.args(["lint", "--config", "redocly.yaml", "../../openapi/openapi.json"]);
    run(redocly
        .current_dir(&tools)
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true"))?;
    let mut spectral = command(programs.join("spectral"));
    spectral.args([
        "lint",
        "--ruleset",
        ".spectral.yaml",
        "--fail-severity",
        "warn",
        "../../openapi/openapi.json",
    ]);
    run(spectral.current_dir(&tools))?;
    let mut asyncapi = command("node");
    asyncapi.args(["asyncapi.mjs", "../../openapi/asyncapi.json"]);
    run(asyncapi.current_dir(&tools))?;
    println!("the documents are up to date, and the linters found no fault");
    Ok(())
}

fn build() -> Result<(), String> {
    run(cargo().args(["build", "--quiet", "--package", "server", "--bin", "todo-server"]))
}

fn generated(name: &str) -> Result<String, String> {
    let document = output(command(target()?.join("debug/todo-server")).arg(name))?;
    Ok(document.trim_end().to_owned() + "\n")
}

/// Describes the first line that differs.
fn difference(committed: &str, generated: &str) -> Option<String> {
    let (mut old, mut new) = (committed.lines(), generated.lines());
    for number in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (old, new) if old == new => {}
            (old, new) => {
                let text = |line: Option<&str>| {
                    line.map_or("nothing".to_owned(), |line| format!("`{}`", line.trim()))
                };
                return Some(format!("line {number} has {}, the binary prints {}", text(old), text(new)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_is_described() {
        assert_eq!(difference("{\n  1\n}\n", "{\n  1\n}\n"), None);
        assert_eq!(
            difference("{\n  1\n}\n", "{\n  2\n}\n").unwrap(),
            "line 2 has `1`, the binary prints `2`"
        );
        assert_eq!(difference("{\n", "{\n}\n").unwrap(), "line 2 has nothing, the binary prints `}`");
    }
}
