//! `cargo xtask deps`: the arrows between crates and between the modules of a crate, and docs on public items.

mod circles;
mod crates;
mod docs;
mod order;
mod paths;
mod source;
mod tokens;

use std::path::Path;

use crate::process::{read, root};
use source::Crate;

/// Crates that still have modules in circles.
const CIRCLES_ALLOWED: &[&str] = &["adapters-postgres", "adapters-sqlite", "api-actix"];

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

/// The violations inside the crates under `crates/`.
fn within_crates() -> Result<Vec<String>, String> {
    let folder = root().join("crates");
    let entries = folder.read_dir().map_err(|e| format!("could not read {}: {e}", folder.display()))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let mut problems = Vec::new();
    for name in names {
        let source = Crate::read(&Path::new("crates").join(&name))?;
        let order = folder.join(&name).join("modules.order");
        if order.exists() {
            problems.extend(order::problems(&source, &order::Order::parse(&read(&order)?)));
        }
        if !CIRCLES_ALLOWED.iter().any(|listed| name == *listed) {
            problems.extend(circles::problems(&source));
        }
        problems.extend(docs::problems(&source));
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_workspace_keeps_the_rules() {
        let problems = [super::crates::problems().unwrap(), super::within_crates().unwrap()].concat();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
