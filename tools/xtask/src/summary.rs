//! What a run of `cargo test` came to, gathered from its output as it passes by.

use std::fmt;

#[derive(Debug, Default)]
pub struct Summary {
    binaries: usize,
    passed: usize,
    ignored: usize,
    failed: Vec<String>,
}

impl Summary {
    /// Takes one line of the test harness's output.
    pub fn take(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.binaries += 1;
            self.passed += count(counts, "passed");
            self.ignored += count(counts, "ignored");
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failed.push(name.to_owned());
        }
    }
}

/// In `ok. 3 passed; 1 failed; …`, the number before `word`.
fn count(counts: &str, word: &str) -> usize {
    let mut words = counts.split([' ', ';']);
    let mut last = "";
    words
        .find_map(|next| {
            if next == word {
                last.parse().ok()
            } else {
                last = next;
                None
            }
        })
        .unwrap_or(0)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { binaries, passed, ignored, failed } = self;
        write!(f, "{binaries} test binaries: {passed} passed, {} failed, {ignored} ignored", failed.len())?;
        failed.iter().try_for_each(|name| write!(f, "\n  failed: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_over_the_binaries_and_failures_are_named() {
        let mut summary = Summary::default();
        let output = "running 2 tests\ntest one ... ok\ntest deep::two ... FAILED\n\
                      test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
                      test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        output.lines().for_each(|line| summary.take(line));
        assert_eq!(
            summary.to_string(),
            "2 test binaries: 13 passed, 1 failed, 3 ignored\n  failed: deep::two"
        );
    }
}
