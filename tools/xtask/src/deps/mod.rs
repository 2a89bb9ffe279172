//! `cargo xtask deps`: the arrows between crates and between the modules of a crate, and docs on public items.

mod circles;
mod crates;
mod docs;
mod order;
mod paths;
mod source;
mod tokens;

use std::path::{Path, PathBuf};

use crate::process::{read, root};
use source::Crate;

/// Prints every violation and fails if there is one.
pub fn run() -> Result<(), String> {
    let mut problems = crates::problems()?;
    problems.extend(within_crates()?);
    if problems.is_empty() {
        println!("crates and modules depend downwards only, and public items have docs");
        Ok(())
    } else {
        Err(problems.join("\n"))
    }
}

/// The violations inside crates. The programs under `tools/` have no order files and need no docs.
fn within_crates() -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for folder in folders("crates")? {
        let source = Crate::read(&folder)?;
        let order = root().join(&folder).join("modules.order");
        if order.exists() {
            problems.extend(order::problems(&source, &order::Order::parse(&read(&order)?)));
        }
        problems.extend(circles::problems(&source));
        problems.extend(docs::problems(&source));
    }
    for folder in folders("tools")? {
        problems.extend(circles::problems(&Crate::read(&folder)?));
    }
    Ok(problems)
}

/// The folders in a folder of the workspace, sorted.
fn folders(parent: &str) -> Result<Vec<PathBuf>, String> {
    let entries = root().join(parent).read_dir().map_err(|e| format!("could not read {parent}: {e}"))?;
    let mut folders: Vec<_> =
        entries.flatten().map(|entry| Path::new(parent).join(entry.file_name())).collect();
    folders.sort();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_workspace_keeps_the_rules() {
        let problems = [super::crates::problems().unwrap(), super::within_crates().unwrap()].concat();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
