//! Text that users type, and the rules that accept or refuse it.
//!
//! Input is parsed once, at the edge. A value read back from a store is trusted (`from_stored`): it
//! was valid when it was written, and a limit that is lowered afterwards must not make it
//! unreadable.

mod comparison;
mod sort_key;

use std::borrow::Cow;

pub use comparison::{compose, fold};
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
pub use sort_key::sort_key;
use thiserror::Error;

/// Why a text is refused. Lengths count Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing is left after trimming that a reader could see.
    #[error("must not be blank")]
    Blank,
    /// More characters than allowed.
    #[error("must be at most {max} characters long; it has {got}")]
    TooLong { max: usize, got: usize },
    /// A control character, named by its code point. Text of several lines may contain tab and
    /// newline; other line breaks become newlines before the check.
    #[error("must not contain the control character U+{code:04X}")]
    Control { code: u32 },
}

/// Checks text of one line, in which tab and line breaks are refused too.
pub(crate) fn one_line(text: &str, max: usize) -> Result<Cow<'_, str>, TextError> {
    check(text.into(), max, char::is_control)
}

/// Turns the line breaks of `text` into newlines, and checks it.
pub(crate) fn multi_line(text: &str, max: usize) -> Result<Cow<'_, str>, TextError> {
    if is_plain(text) {
        return check_length(text.into(), max);
    }
    check(newlines(text), max, |c| c.is_control() && !matches!(c, '\t' | '\n'))
}

fn check(text: Cow<'_, str>, max: usize, is_refused: fn(char) -> bool) -> Result<Cow<'_, str>, TextError> {
    match text.chars().find(|c| is_refused(*c)) {
        Some(c) => Err(TextError::Control { code: c.into() }),
        None => check_length(text, max),
    }
}

fn check_length(text: Cow<'_, str>, max: usize) -> Result<Cow<'_, str>, TextError> {
    let got = text.chars().count();
    if got > max { Err(TextError::TooLong { max, got }) } else { Ok(text) }
}

/// Whether `text` has only printable ASCII characters, tabs and newlines, as most texts do. Looks at
/// every byte without a branch, so that the compiler vectorises it: a request may have 2 MiB of text.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n');
    text.bytes().fold(true, |all, byte| all & plain(byte))
}

/// Removes white space from both ends, and the byte order mark, as ECMAScript's `trim` does.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Whether a reader sees anything of `text`: not if it consists of white space and of characters
/// that Unicode displays as nothing, such as U+200B ZERO WIDTH SPACE and U+00AD SOFT HYPHEN.
#[must_use]
pub fn is_visible(text: &str) -> bool {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().any(|c| !c.is_whitespace() && (c.is_ascii() || !ignorable.contains(c)))
}

/// Turns every line break of Unicode (CRLF, CR, VT, FF, NEL, U+2028, U+2029) into a newline.
/// Browsers send the lines of a form with CRLF, and exports of other programs contain the rest.
pub(crate) fn newlines(text: &str) -> Cow<'_, str> {
    const BREAKS: [char; 6] = ['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    if text.contains(BREAKS) { text.replace("\r\n", "\n").replace(BREAKS, "\n").into() } else { text.into() }
}

/// Implements the standard conversions for a newtype of `String`. The type provides `parse(&str) ->
/// Result<Self, $error>`, which applies the rules for input; `from_stored` deliberately applies
/// none.
macro_rules! text_conversions {
    ($name:ident, $error:ty) => {
        impl $name {
            /// A value read back from a store. It was valid when it was written, so the current
            /// input rules do not apply: a limit can be lowered without making stored rows
            /// unreadable.
            #[must_use]
            pub const fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}
pub(crate) use text_conversions;

/// Defines text that is trimmed, and never blank, with a maximum length and a check of its
/// characters.
macro_rules! trimmed_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The maximum length in characters.
            pub const MAX: usize = $max;

            /// Trims `text` and checks it.
            pub fn parse(text: &str) -> Result<Self, $crate::text::TextError> {
                Self::parse_within(text, Self::MAX)
            }

            /// Like [`Self::parse`], with a lower limit than [`Self::MAX`].
            pub fn parse_within(text: &str, max: usize) -> Result<Self, $crate::text::TextError> {
                let text = $crate::text::trim(text);
                if !$crate::text::is_visible(text) {
                    return Err($crate::text::TextError::Blank);
                }
                let text = $check(text, max.min(Self::MAX))?;
                Ok(Self(text.into_owned()))
            }
        }

        $crate::text::text_conversions!($name, $crate::text::TextError);
    };
}
pub(crate) use trimmed_text;

trimmed_text!(
    /// The name that a device chooses for itself: 1–100 characters after trimming. The user sees it
    /// in the list of devices.
    ClientId,
    100,
    one_line
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::todo::{Description, Title};

    fn title(text: &str) -> Result<String, TextError> {
        Title::parse(text).map(|title| title.as_str().to_owned())
    }

    #[test]
    fn a_title_is_trimmed() {
        assert_eq!(title("  Buy\tmilk \r\n\u{3000}").as_deref(), Ok("Buy\tmilk"));
        assert_eq!(title("\u{feff}milk\u{feff} ").as_deref(), Ok("milk"), "as ECMAScript trims");
        assert_eq!(title("<b>&amp;</b>").as_deref(), Ok("<b>&amp;</b>"), "nothing is escaped");
    }

    #[test]
    fn a_title_of_nothing_visible_is_blank() {
        for text in ["", " ", "\n\t\r\n", "\u{a0}\u{2003}", "\u{200b}", " \u{ad}\u{feff} ", "\u{3164}"] {
            assert_eq!(title(text), Err(TextError::Blank), "{text:?}");
        }
    }

    #[test]
    fn lengths_count_characters_after_trimming() {
        let longest = "😀".repeat(Title::MAX);
        assert_eq!(title(&format!("  {longest}  ")).as_deref(), Ok(longest.as_str()));
        assert_eq!(title(&format!("{longest}a")), Err(TextError::TooLong { max: 500, got: 501 }));
        let device = |text: &str| ClientId::parse(text).map(|_| ());
        assert_eq!(device(&"d".repeat(100)), Ok(()));
        assert_eq!(device(&"d".repeat(101)), Err(TextError::TooLong { max: 100, got: 101 }));
    }

    #[test]
    fn text_converts_to_and_from_a_value_and_stored_text_is_not_checked() {
        let title: Title = " milk ".parse().expect("a title");
        assert_eq!((title.to_string(), title.as_ref()), ("milk".to_owned(), "milk"));
        assert_eq!(String::from(title), "milk");
        assert_eq!("".parse::<Title>(), Err(TextError::Blank));
        let stored = " \0".repeat(Title::MAX);
        assert_eq!(Title::from_stored(stored.clone()).as_str(), stored);
    }

    #[test]
    fn a_limit_can_be_lowered_but_not_raised() {
        let within = |length: usize, max| Title::parse_within(&"t".repeat(length), max).map(|_| ());
        assert_eq!(within(200, 200), Ok(()));
        assert_eq!(within(201, 200), Err(TextError::TooLong { max: 200, got: 201 }));
        assert_eq!(within(501, 1000), Err(TextError::TooLong { max: 500, got: 501 }));
    }

    #[test]
    fn control_characters_other_than_tab_and_newline_are_refused() {
        for (text, code) in
            [("a\0b", 0), ("a\u{8}b", 8), ("a\u{1b}[0m", 0x1b), ("a\u{7f}b", 0x7f), ("a\u{9f}b", 0x9f)]
        {
            assert_eq!(title(text), Err(TextError::Control { code }));
            assert_eq!(Description::parse(text).map(|_| ()), Err(TextError::Control { code }));
        }
        assert_eq!(title("a\tb\nc").as_deref(), Ok("a\tb\nc"));
        assert_eq!(
            TextError::Control { code: 0 }.to_string(),
            "must not contain the control character U+0000"
        );
    }

    #[test]
    fn every_line_break_becomes_a_newline() {
        let lines = "one\r\ntwo\rthree\u{b}four\u{c}five\u{85}six\u{2028}seven\u{2029}eight\nnine";
        let newlines = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine";
        assert_eq!(title(lines).as_deref(), Ok(newlines));
        assert_eq!(Description::parse(lines).map(String::from).as_deref(), Ok(newlines));
        assert_eq!(Description::parse("\r\n\r\n").map(String::from).as_deref(), Ok("\n\n"));
        let longest = "a\r\n".repeat(5_000);
        assert!(Description::parse(&longest).is_ok(), "a line break counts as one character");
    }

    #[test]
    fn ascii_is_checked_like_other_text() {
        for c in (0..128_u8).map(char::from) {
            let ascii = Description::parse(&format!("a{c}b")).map(String::from);
            let other = Description::parse(&format!("a{c}bé")).map(String::from);
            assert_eq!(ascii.map(|text| text + "é"), other, "{c:?}");
        }
        let length = |length| Description::parse(&"d".repeat(length)).map(|_| ());
        assert_eq!(length(10_000), Ok(()));
        assert_eq!(length(10_001), Err(TextError::TooLong { max: 10_000, got: 10_001 }));
    }

    #[test]
    fn a_description_is_kept_as_typed() {
        let kept = |text: &str| Description::parse(text).map(|kept| kept.as_str().to_owned());
        assert_eq!(kept("").as_deref(), Ok(""));
        assert_eq!(kept("  two\n\n").as_deref(), Ok("  two\n\n"));
        assert!(kept(&"é".repeat(10_000)).is_ok());
        assert_eq!(kept(&"é".repeat(10_001)), Err(TextError::TooLong { max: 10_000, got: 10_001 }));
    }
}
