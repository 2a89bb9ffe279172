//! `.env`: a file of environment variables, in the working directory. Variables that are already set take
//! precedence.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use super::error::SettingError;

const ENV_FILE: &str = ".env";

/// Reads the file in `folder`, if there is one.
pub fn env_file(folder: &Path) -> Result<HashMap<OsString, OsString>, SettingError> {
    let unreadable = |problem: String| SettingError::File { file: ENV_FILE, problem };
    let text = match std::fs::read_to_string(folder.join(ENV_FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let text = with_quotes(&text);
    dotenvy::from_read_iter(text.as_bytes())
        .map(|variable| match variable {
            Ok((name, value)) => Ok((name.into(), value.into())),
            // The parser's own message quotes the line, which may hold a secret.
            Err(dotenvy::Error::LineParse(line, _)) => Err(unreadable(format!(
                "line {} is not of the form NAME=value (quote a value that has quotation marks, # or $ in it)",
                line_number(&text, &line)
            ))),
            Err(error) => Err(unreadable(error.to_string())),
        })
        .collect()
}

/// The number of the line with which the parser's text begins.
fn line_number(text: &str, found: &str) -> usize {
    let begins = |line: &&str| found.trim().starts_with(line.trim()) && !line.trim().is_empty();
    text.lines().take_while(|line| !begins(line)).count() + 1
}

/// Puts quotation marks around values with spaces, which the parser refuses without them.
fn with_quotes(text: &str) -> String {
    let mut open = None;
    let lines = text.lines().map(|line| {
        if let Some(mark) = open {
            if line.contains(mark) {
                open = None;
            }
            return Cow::Borrowed(line);
        }
        let Some((name, rest)) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#')) else {
            return Cow::Borrowed(line);
        };
        let value = rest.trim();
        if let Some(mark) = value.chars().next().filter(|first| ['"', '\''].contains(first)) {
            open = (!value[1..].contains(mark)).then_some(mark);
            return Cow::Borrowed(line);
        }
        let value = value.find(" #").map_or(value, |comment| value[..comment].trim_end());
        if value.contains(char::is_whitespace) && !value.contains('\'') {
            Cow::Owned(format!("{name}='{value}'"))
        } else {
            Cow::Borrowed(line)
        }
    });
    lines.map(|line| line.into_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HashMap<String, String>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(ENV_FILE), text).expect("written");
        let variables = env_file(folder.path()).map_err(|error| error.to_string())?;
        let text = |text: OsString| text.into_string().expect("UTF-8");
        Ok(variables.into_iter().map(|(name, value)| (text(name), text(value))).collect())
    }

    #[test]
    fn a_value_may_have_spaces_with_and_without_quotation_marks() {
        let variables = read(
            "A=one two\nB=[\"http://a\", \"http://b\"] # both\nexport C=\"x y\"\nD='x # y'\nE=plain # note\n\
             # F=x y\nG=\"first\nsecond line\"\nH= \nI=it is\n",
        );
        let variables = variables.expect("it is read");
        for (name, value) in [
            ("A", "one two"),
            ("B", "[\"http://a\", \"http://b\"]"),
            ("C", "x y"),
            ("D", "x # y"),
            ("E", "plain"),
            ("G", "first\nsecond line"),
            ("H", ""),
            ("I", "it is"),
        ] {
            assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(variables.len(), 8);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_by_its_number_and_not_quoted() {
        for text in ["A=1\n\n# x\nSECRET_KEY=hush hush 'x\nB=2\n", "A=1\nB=2\n\nhush hush\n"] {
            let error = read(text).expect_err("refused");
            assert!(error.starts_with(".env can't be read: line 4 is not of the form"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
