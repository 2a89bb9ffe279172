//! The parts of a todo: title, description, number.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text::{TextError, multi_line, text_conversions, trimmed_text};

trimmed_text!(
    /// The text of a todo: 1–500 characters after trimming.
    Title,
    500,
    multi_line
);

/// Notes on a todo: up to 10,000 characters, kept as typed apart from line breaks, which become
/// newlines. An empty description differs from no description.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Description(String);

impl Description {
    /// The maximum length in characters.
    pub const MAX: usize = 10_000;

    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        Ok(Self(multi_line(text, Self::MAX)?.into_owned()))
    }
}

text_conversions!(Description, TextError);

/// The integer id by which the task contracts name a todo: positive, unique over all users, never
/// reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TodoNumber(pub i64);

impl fmt::Display for TodoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not a positive 64-bit integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be a positive integer")]
pub struct InvalidTodoNumber;

impl FromStr for TodoNumber {
    type Err = InvalidTodoNumber;

    fn from_str(text: &str) -> Result<Self, InvalidTodoNumber> {
        text.parse().ok().filter(|number| *number >= 1).map(Self).ok_or(InvalidTodoNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_positive_integer() {
        assert_eq!("7".parse(), Ok(TodoNumber(7)));
        assert_eq!(TodoNumber(7).to_string(), "7");
        for text in ["0", "-1", "1.0", "", "9223372036854775808"] {
            assert_eq!(text.parse::<TodoNumber>(), Err(InvalidTodoNumber), "{text}");
        }
    }
}
