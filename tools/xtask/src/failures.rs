//! The failures of a run of `cargo test`, repeated at its end.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::process::failure;

/// Runs `cargo test`, and passes its output on. The error repeats what the tests that failed wrote: in a long run
/// of many test binaries, the end is what one sees, and often all that is kept.
pub fn repeated(tests: &mut Command) -> Result<(), String> {
    let mut running = tests.stdout(Stdio::piped()).spawn().map_err(|e| failure(tests, &e.to_string()))?;
    let mut output = BufReader::new(running.stdout.take().ok_or("the output is not piped")?);
    let (mut failures, mut line) = (Failures::default(), Vec::new());
    while output.read_until(b'\n', &mut line).map_err(|e| failure(tests, &e.to_string()))? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        failures.take(&text);
        line.clear();
    }
    let status = running.wait().map_err(|e| failure(tests, &e.to_string()))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}{}", failures.text, failure(tests, &status.to_string())))
    }
}

/// What stands between `failures:` and `test result:` in the output of test binaries.
#[derive(Default)]
struct Failures {
    text: String,
    is_inside: bool,
}

impl Failures {
    fn take(&mut self, line: &str) {
        self.is_inside |= line.trim_end() == "failures:";
        if self.is_inside {
            self.text.push_str(line);
        }
        self.is_inside &= !line.starts_with("test result:");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_are_repeated() {
        let failed = "failures:\n\n---- b stdout ----\nb panicked\n\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed\n";
        let passed = "\nrunning 1 test\ntest c ... ok\n\ntest result: ok. 1 passed\n";
        let mut failures = Failures::default();
        for line in format!("running 2 tests\ntest a ... ok\ntest b ... FAILED\n\n{failed}{passed}")
            .split_inclusive('\n')
        {
            failures.take(line);
        }
        assert_eq!(failures.text, failed);
    }

    #[test]
    fn the_error_holds_the_output_of_failed_tests() {
        let script =
            "echo running; echo failures:; echo '---- b stdout ----'; echo 'test result: FAILED.'; exit 101";
        let error = repeated(Command::new("sh").args(["-c", script])).expect_err("it failed");
        assert!(error.starts_with("failures:\n---- b stdout ----\ntest result: FAILED.\n"), "{error}");
        assert!(error.ends_with("exit status: 101"), "{error}");
        assert_eq!(repeated(Command::new("sh").args(["-c", "echo failures:"])), Ok(()));
    }
}
