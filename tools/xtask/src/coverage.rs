//! `cargo xtask coverage`: measures which lines of the product the tests execute, and fails below the
//! floors.
//!
//! `cargo-llvm-cov` measures where Rust's `llvm-tools` are installed, `cargo-tarpaulin` elsewhere: it reads
//! the compiler's profiles itself. Both write an LCOV file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use postgres_testbed::Testbed;

use crate::process::{cargo, read, root, run as run_command, succeeds, target};
use crate::tools;

/// What must be covered: the paths that count, and the percentage of their lines.
const FLOORS: [Floor; 2] = [
    Floor { name: "the product", paths: &["crates/"], percent: 85 },
    Floor {
        name: "sessions, accounts and tokens",
        paths: &[
            "crates/domain/src/account/",
            "crates/domain/src/one_time/",
            "crates/domain/src/session/",
            "crates/adapters-auth/src/jwt/",
            "crates/adapters-auth/src/one_time.rs",
            "crates/adapters-auth/src/refresh.rs",
        ],
        percent: 95,
    },
];

/// Packages whose tests are not run.
const NOT_RUN: [&str; 4] = ["bench", "blackbox-tests", "postgres-testbed", "xtask"];

/// What is not part of the product: tests, and what only tests use.
const NOT_COUNTED: [&str; 4] = ["crates/domain-testkit/", "/tests/", "/tests.rs", "/examples/"];

struct Floor {
    name: &'static str,
    paths: &'static [&'static str],
    percent: usize,
}

/// Lines that can be executed, and lines that were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    found: usize,
    hit: usize,
}

/// Runs the tests with an instrumented build, and compares the coverage with the floors.
pub fn run() -> Result<(), String> {
    let folder = target()?.join("coverage");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let report = measure(&folder)?;
    let files = parse(&read(&report)?);
    let mut below = Vec::new();
    for floor in &FLOORS {
        let lines = floor.lines(&files);
        let sentence = format!("{} of {} lines of {} are covered", lines.hit, lines.found, floor.name);
        println!("{sentence}");
        if !floor.holds(lines) {
            below.push(format!("{sentence}, which is less than {} %", floor.percent));
        }
    }
    if below.is_empty() { Ok(()) } else { Err(below.join("\n")) }
}

/// Runs the tests, and returns the path of the report. The black-box tests are left out: they kill their
/// servers, which then write no profile.
fn measure(folder: &Path) -> Result<PathBuf, String> {
    tools::postgres()?;
    tools::pooler()?;
    let report = folder.join("lcov.info");
    let mut tests = cargo();
    if succeeds(cargo().args(["llvm-cov", "--version"])) {
        tests.args(["llvm-cov", "--lcov", "--output-path"]).arg(&report);
    } else if succeeds(cargo().args(["tarpaulin", "--version"])) {
        tests.args(["tarpaulin", "--engine", "llvm", "--skip-clean", "--timeout", "1200", "--out", "lcov"]);
        tests.arg("--output-dir").arg(folder).arg("--target-dir").arg(folder.join("target"));
    } else {
        return Err("cargo-llvm-cov is needed: `cargo install --locked cargo-llvm-cov` and \
                    `rustup component add llvm-tools`; or, without llvm-tools, \
                    `cargo install --locked cargo-tarpaulin`"
            .to_owned());
    }
    tests.args(["--workspace", "--no-fail-fast"]);
    for package in NOT_RUN {
        tests.args(["--exclude", package]);
    }
    // Held until the end, so that the test binaries share one cluster.
    let _cluster = Testbed::shared();
    run_command(&mut tests)?;
    Ok(report)
}

/// The lines of each file of an LCOV report, by the path from the workspace's root.
fn parse(report: &str) -> BTreeMap<String, Lines> {
    let mut files = BTreeMap::<String, Lines>::new();
    let mut file = String::new();
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let path = Path::new(path);
            path.strip_prefix(root()).unwrap_or(path).display().to_string().clone_into(&mut file);
        } else if let Some((_, count)) = line.strip_prefix("DA:").and_then(|data| data.split_once(',')) {
            let lines = files.entry(file.clone()).or_default();
            lines.found += 1;
            lines.hit += usize::from(count != "0");
        }
    }
    files
}

impl Floor {
    fn lines(&self, files: &BTreeMap<String, Lines>) -> Lines {
        let counts = |path: &str| {
            self.paths.iter().any(|start| path.starts_with(start))
                && !NOT_COUNTED.iter().any(|part| path.contains(part))
        };
        files.iter().filter(|(path, _)| counts(path)).fold(Lines::default(), |sum, (_, lines)| Lines {
            found: sum.found + lines.found,
            hit: sum.hit + lines.hit,
        })
    }

    /// Whether enough of the lines are covered. A report without any is a failed measurement.
    fn holds(&self, lines: Lines) -> bool {
        lines.found > 0 && lines.hit * 100 >= lines.found * self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
SF:crates/domain/src/session/refresh.rs
DA:1,3
DA:2,0
DA:3,1
end_of_record
SF:crates/domain/src/session/tests.rs
DA:1,0
end_of_record
SF:tools/xtask/src/main.rs
DA:1,0
end_of_record
";

    #[test]
    fn a_floor_counts_the_lines_of_its_paths_without_tests() {
        let lines = FLOORS[1].lines(&parse(REPORT));
        assert_eq!(lines, Lines { found: 3, hit: 2 });
        assert_eq!(lines, FLOORS[0].lines(&parse(REPORT)));
    }

    #[test]
    fn a_floor_fails_just_below_it_and_without_a_report() {
        let [product, _] = FLOORS;
        assert!(product.holds(Lines { found: 100, hit: 85 }));
        assert!(!product.holds(Lines { found: 1_000, hit: 849 }));
        assert!(!product.holds(product.lines(&parse(""))));
    }

    #[test]
    fn every_path_of_a_floor_exists() {
        for path in FLOORS.iter().flat_map(|floor| floor.paths) {
            assert!(root().join(path).exists(), "{path}");
        }
    }
}
