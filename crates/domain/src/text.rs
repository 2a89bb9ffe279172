//! Text as users type it: what is kept, what is refused.

use thiserror::Error;

/// Why a text is refused. Lengths are counted in Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing is left after trimming.
    #[error("must not be blank")]
    Blank,
    /// More characters than allowed.
    #[error("must be at most {max} characters long, it has {got}")]
    TooLong {
        /// The most characters allowed.
        max: usize,
        /// How many it has.
        got: usize,
    },
    /// A control character; in text of several lines tab and newline are allowed, NUL and CR never.
    #[error("must not contain the control character U+{code:04X}")]
    Control {
        /// Its code point.
        code: u32,
    },
}

/// Text of one line, where tab and newline are refused too.
pub(crate) fn check_line(text: &str, max: usize) -> Result<(), TextError> {
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(TextError::Control { code: c.into() }),
        None => check(text, max),
    }
}

/// Text of any number of lines.
pub(crate) fn check(text: &str, max: usize) -> Result<(), TextError> {
    if let Some(c) = text.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n')) {
        return Err(TextError::Control { code: c.into() });
    }
    let got = text.chars().count();
    if got > max { Err(TextError::TooLong { max, got }) } else { Ok(()) }
}

macro_rules! trimmed_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The most characters it may have.
            pub const MAX: usize = $max;

            /// Trims `text` and checks it.
            pub fn parse(text: &str) -> Result<Self, $crate::text::TextError> {
                Self::parse_within(text, Self::MAX)
            }

            /// As [`Self::parse`], with a lower limit than [`Self::MAX`].
            pub fn parse_within(text: &str, max: usize) -> Result<Self, $crate::text::TextError> {
                let text = text.trim();
                if text.is_empty() {
                    return Err($crate::text::TextError::Blank);
                }
                $check(text, max.min(Self::MAX))?;
                Ok(Self(text.to_owned()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}
pub(crate) use trimmed_text;

trimmed_text!(
    /// The name a device gives itself, shown to its user: 1–100 characters after trimming.
    ClientId,
    100,
    check_line
);

/// The form in which texts are compared without regard to case: Unicode's full lower-case mapping. Stores keep it
/// beside the text, so that search and order are the same on every database.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}
