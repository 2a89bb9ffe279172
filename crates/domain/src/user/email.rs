//! Email addresses.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use thiserror::Error;

/// An address of the form `local@host.domain` (RFC 5321 section 4.1.2, RFC 6531), trimmed and
/// otherwise as typed.
///
/// Domains compare by their A-labels (RFC 5890), to which email is also sent: `bücher.example` and
/// `xn--bcher-kva.example` are one domain. Local parts are equal if they differ only in the case of
/// ASCII letters. Their other letters are neither folded nor normalised: Unicode's case mappings
/// join characters that mail servers keep apart (U+212A KELVIN SIGN becomes `k`, U+0130 becomes `i`
/// with a dot), and the owner of one mailbox would receive the email of the other. The price is
/// that `Jürgen@…` and `JÜRGEN@…` are two accounts.
#[derive(Clone, Debug)]
pub struct Email {
    typed: String,
    key: String,
    /// The local part as typed, at the domain's A-label form.
    mailbox: String,
}

/// Why a text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EmailError {
    #[error("must not be blank")]
    Blank,
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
        let email = Self::from_stored(text.to_owned());
        let parsed = EmailAddress::parse_with_options(&email.mailbox, options);
        let foreign_domain = email.mailbox.rsplit('@').next().is_none_or(|domain| !domain.is_ascii());
        if parsed.is_err()
            || foreign_domain
            || text.contains(['"', '\\'])
            || text.chars().any(char::is_control)
        {
            return Err(EmailError::Malformed);
        }
        Ok(email)
    }

    /// An address read back from a store. It was parsed when it was written, so the current input
    /// rules do not apply to it.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        let domain = text.rsplit_once('@').and_then(|(local, domain)| Some((local, a_labels(domain)?)));
        let mailbox = domain.map_or_else(|| text.clone(), |(local, domain)| format!("{local}@{domain}"));
        Self { key: mailbox.to_ascii_lowercase(), mailbox, typed: text }
    }

    /// The address as the user typed it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The address to which email is sent: as typed, with the domain's A-labels. Every mail server
    /// can take such a domain, with or without SMTPUTF8 (RFC 6531 section 3.2).
    #[must_use]
    pub fn mailbox(&self) -> &str {
        &self.mailbox
    }

    /// The form under which the address is unique: the mailbox with ASCII letters in lower case.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The A-label form of a domain name, in lower case. `None` if it has none.
fn a_labels(domain: &str) -> Option<Cow<'_, str>> {
    let labels =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Verify);
    labels.ok()
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::parse(text)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl AsRef<str> for Email {
    fn as_ref(&self) -> &str {
        &self.typed
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_that_differ_in_case_are_equal() {
        let (a, b) = (Email::parse(" Ann@Example.com "), Email::parse("ann@example.COM"));
        assert_eq!(a, b);
        assert_eq!(a.expect("valid").as_str(), "Ann@Example.com");
    }

    #[test]
    fn a_domain_has_one_form_whatever_its_script() {
        let typed = Email::parse("Ann@B\u{fc}cher.example").expect("valid");
        for same in ["ann@xn--bcher-kva.example", "ann@bu\u{308}cher.example", "ann@BÜCHER.example"] {
            assert_eq!(Email::parse(same).as_ref(), Ok(&typed), "{same}");
        }
        assert_eq!(typed.as_str(), "Ann@Bücher.example");
        assert_eq!(typed.mailbox(), "Ann@xn--bcher-kva.example");
        assert_eq!(typed.key(), "ann@xn--bcher-kva.example");
        let mapped = Email::parse("ann@\u{212a}elvin.example").expect("valid");
        assert_eq!(
            mapped.mailbox(),
            "ann@kelvin.example",
            "the address that owns the account gets the email"
        );
        assert_eq!(Email::from_stored("not an address".into()).key(), "not an address");
    }

    #[test]
    fn letters_that_unicode_folds_to_ascii_stay_different() {
        let plain = Email::parse("mike.s@kelvin.example").expect("valid");
        for lookalike in [
            "mi\u{212a}e.s@kelvin.example",
            "mike.\u{17f}@kelvin.example",
            "m\u{131}ke.s@kelvin.example",
            "M\u{130}ke.s@kelvin.example",
            "\u{ff4d}ike.s@kelvin.example",
        ] {
            assert_ne!(Email::parse(lookalike).as_ref(), Ok(&plain), "{lookalike}");
        }
    }

    proptest! {
        #[test]
        fn two_addresses_are_equal_if_they_differ_only_in_the_case_of_ascii_letters(
            local in "[a-zA-Z0-9.kKsSi\u{212a}\u{17f}\u{130}\u{131}üÜßẞΣσςａ]{1,12}",
            other in "[a-zA-Z0-9.kKsSi\u{212a}\u{17f}\u{130}\u{131}üÜßẞΣσςａ]{1,12}",
            flips in prop::collection::vec(any::<bool>(), 40),
        ) {
            let of = |local: &str| Email::parse(&format!("{local}@kelvin.example"));
            let Ok(email) = of(&local) else { return Ok(()) };
            let flipped: String = email
                .as_str()
                .chars()
                .zip(flips.iter().cycle())
                .map(|(c, flip)| match (flip, c.is_ascii_uppercase()) {
                    (false, _) => c,
                    (true, true) => c.to_ascii_lowercase(),
                    (true, false) => c.to_ascii_uppercase(),
                })
                .collect();
            prop_assert_eq!(Email::parse(&flipped), Ok(email.clone()));
            if let Ok(other) = of(&other) {
                prop_assert_eq!(other == email, other.as_str().eq_ignore_ascii_case(email.as_str()));
            }
            // Characters outside ASCII stay as they are.
            let foreign = |text: &str| text.chars().filter(|c| !c.is_ascii()).collect::<String>();
            prop_assert_eq!(foreign(email.key()), foreign(email.as_str()));
        }
    }

    #[test]
    fn a_text_that_is_not_an_address_is_refused() {
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
            "ann@\u{2fbb}\u{e000}.example",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed), "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        assert_eq!(Email::parse(&long), Err(EmailError::Malformed));
        assert_eq!(Email::parse("  "), Err(EmailError::Blank));
    }
}
