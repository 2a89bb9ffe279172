//! Tables of cases report every case that fails, not the first alone.

use std::fmt::Display;

/// The cases of a table that failed.
#[derive(Default)]
pub struct Failures(Vec<String>);

impl Failures {
    pub fn record(&mut self, case: impl Display, result: Result<(), String>) {
        if let Err(difference) = result {
            self.0.push(format!("{case}: {difference}"));
        }
    }

    pub fn assert_none(self) {
        assert!(self.0.is_empty(), "{} cases failed:\n{}", self.0.len(), self.0.join("\n"));
    }
}
