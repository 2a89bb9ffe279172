//! Email addresses.

use email_address::{EmailAddress, Options};
use thiserror::Error;

use crate::text::fold;

/// An address of the form `local@host.domain` (RFC 5321 section 4.1.2, RFC 6531), as typed but trimmed. Two are equal
/// when they differ in case only.
#[derive(Clone, Debug)]
pub struct Email {
    typed: String,
    key: String,
}

/// Why a text is no email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EmailError {
    /// Nothing is left after trimming.
    #[error("must not be blank")]
    Blank,
    /// It has not the form `local@host.domain`.
    #[error("must be an email address such as ann@example.com")]
    Malformed,
}

impl Email {
    /// Trims `text` and checks its form. Quoted local parts, display names and bare hosts are refused.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmailError::Blank);
        }
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        let parsed = EmailAddress::parse_with_options(text, options);
        if parsed.is_err() || text.contains(['"', '\\']) || text.chars().any(char::is_control) {
            return Err(EmailError::Malformed);
        }
        Ok(Self { typed: text.to_owned(), key: fold(text) })
    }

    /// The address as its user typed it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The form under which it is unique.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Email {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_case_are_one() {
        let (a, b) = (Email::parse(" Ann@Example.com "), Email::parse("ann@example.COM"));
        assert_eq!(a, b);
        assert_eq!(a.expect("valid").as_str(), "Ann@Example.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "ann",
            "ann@",
            "@example.com",
            "a b@example.com",
            "ann@host",
            "ann@@example.com",
            "Ann <ann@example.com>",
            "\"a b\"@example.com",
            "ann@[127.0.0.1]",
            "ann@example.com\u{0}",
            "ann@exam\nple.com",
            "ann@-x.com",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed), "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        assert_eq!(Email::parse(&long), Err(EmailError::Malformed));
        assert_eq!(Email::parse("  "), Err(EmailError::Blank));
    }
}
