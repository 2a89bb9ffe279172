//! The arrows between crates: the layers of ARCHITECTURE.md, and the crates that `domain` is built from.

use std::collections::BTreeSet;

use crate::process::{cargo, output, read, root};

/// Each crate of the workspace with those that it may depend on. Dev-dependencies are not restricted.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("domain-testkit", &["domain"]),
    ("adapters-auth", &["domain"]),
    ("adapters-import", &["domain"]),
    ("adapters-mail", &["domain"]),
    ("adapters-postgres", &["domain"]),
    ("adapters-redis", &["domain"]),
    ("adapters-sqlite", &["domain"]),
    ("api-actix", &["domain"]),
    (
        "server",
        &[
            "domain",
            "adapters-auth",
            "adapters-import",
            "adapters-mail",
            "adapters-postgres",
            "adapters-redis",
            "adapters-sqlite",
            "api-actix",
        ],
    ),
    ("postgres-testbed", &[]),
    ("redis-testbed", &[]),
    // Its baselines use the server's tokens and JSON.
    ("bench", &["domain", "adapters-auth", "api-actix", "postgres-testbed"]),
    ("blackbox-tests", &["postgres-testbed", "redis-testbed"]),
    ("xtask", &["postgres-testbed", "redis-testbed"]),
];

const ALLOWED: &str = "crates/domain/dependencies.allow";

/// The dependencies that the layers or the allow-list forbid.
pub fn problems() -> Result<Vec<String>, String> {
    let mut problems =
        arrows(&tree(&["--workspace", "-e", "normal,build", "--depth", "1", "--prefix", "depth"])?);
    let used = tree(&["-p", "domain", "-e", "normal", "--prefix", "none"])?;
    problems.extend(not_allowed(&used, &read(&root().join(ALLOWED))?));
    Ok(problems)
}

fn tree(arguments: &[&str]) -> Result<String, String> {
    output(cargo().arg("tree").arg("--quiet").args(arguments))
}

/// Checks the output of `cargo tree --workspace --depth 1 --prefix depth`: a line `0name …` per crate of the workspace,
/// and below it a line `1name …` per dependency, which has a path if it belongs to the workspace.
fn arrows(tree: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut allowed: &[&str] = &[];
    let mut from = "";
    for line in tree.lines() {
        let name = line.get(1..).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if line.starts_with('0') {
            from = name;
            allowed = ARROWS.iter().find(|(from, _)| *from == name).map_or(&[], |(_, to)| to);
            if !ARROWS.iter().any(|(from, _)| *from == name) {
                problems.push(format!(
                    "{name} has no place in the layers: give it one in tools/xtask/src/deps/crates.rs"
                ));
            }
        } else if line.contains(" (/") && !allowed.contains(&name) {
            problems.push(format!("{from} must not depend on {name}"));
        }
    }
    problems
}

/// Compares the output of `cargo tree -p domain --prefix none` with an allow-list: one name a line, comments after `#`.
fn not_allowed(tree: &str, allowed: &str) -> Vec<String> {
    let used: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| *name != "domain").collect();
    let allowed = allowed.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let allowed: BTreeSet<&str> = allowed.filter(|name| !name.is_empty()).collect();
    let missing = used
        .difference(&allowed)
        .map(|name| format!("domain depends on {name}, which {ALLOWED} does not allow"));
    let unused = allowed
        .difference(&used)
        .map(|name| format!("{ALLOWED} allows {name}, which domain does not use: remove it"));
    missing.chain(unused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_sideways_and_upwards_are_reported() {
        let tree = "0adapters-sqlite v0.1.0 (/w/a)\n1domain v0.1.0 (/w/d) (*)\n1adapters-auth v0.1.0 (/w/b)\n\
                    1diesel v2.3.0\n0domain v0.1.0 (/w/d)\n1api-actix v0.1.0 (/w/c)\n0newcomer v0.1.0 (/w/n)";
        let problems = arrows(tree);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(problems[0], "adapters-sqlite must not depend on adapters-auth");
        assert_eq!(problems[1], "domain must not depend on api-actix");
        assert!(problems[2].starts_with("newcomer has no place"));
    }

    #[test]
    fn the_allow_list_is_exact() {
        let problems =
            not_allowed("domain v0.1.0 (/w/d)\nuuid v1.0.0\ntokio v1.0.0\n", "# ids\nuuid # v5\nserde\n");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("depends on tokio"));
        assert!(problems[1].contains("allows serde"));
    }
}
