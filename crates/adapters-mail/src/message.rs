//! What mails say: a plain-text and an HTML part each.

use domain::mail::{Letter, MailError, Template};
use html_escape::{encode_double_quoted_attribute, encode_text};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

/// Who mails come from, such as `Todos <todos@example.com>`.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

impl Sender {
    /// `None` where `text` is no mailbox (RFC 5322 section 3.4).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

struct Text {
    subject: &'static str,
    lines: &'static [&'static str],
    button: Option<&'static str>,
    after: &'static str,
}

const fn text(template: Template) -> Text {
    match template {
        Template::VerifyEmail => Text {
            subject: "Confirm your email address",
            lines: &["Please confirm that this address is yours. The link is good for 24 hours."],
            button: Some("Confirm address"),
            after: "If you did not ask for this, you can ignore it: nobody can use your address without you.",
        },
        Template::ResetPassword => Text {
            subject: "Choose a new password",
            lines: &[
                "Somebody asked for a new password for your account. The link is good for one hour, once.",
            ],
            button: Some("Choose a new password"),
            after: "If it was not you, you can ignore this: your password stays as it is.",
        },
        Template::MagicLink => Text {
            subject: "Your login link",
            lines: &["This link logs you in. It is good for 15 minutes, once."],
            button: Some("Log in"),
            after: "If you did not ask for it, you can ignore it.",
        },
        Template::EmailChanged => Text {
            subject: "Your account has a new email address",
            lines: &["The email address of your account was changed; this one is no longer used for it."],
            button: None,
            after: "If it was not you, somebody else can log in to your account: tell whoever runs this service.",
        },
        Template::PasswordChanged => Text {
            subject: "Your password was changed",
            lines: &["The password of your account was changed, and your other devices were logged out."],
            button: None,
            after: "If it was not you, ask for a new password now.",
        },
    }
}

/// The mail as it goes over the wire.
pub(crate) fn compose(letter: &Letter, sender: &Sender) -> Result<Message, MailError> {
    let refused = |error: &dyn ToString| MailError::Permanent(error.to_string());
    let to =
        Mailbox::new(name(letter).map(str::to_owned), letter.to.as_str().parse().map_err(|e| refused(&e))?);
    let text = text(letter.template);
    let host = sender.0.email.domain();
    Message::builder()
        .from(sender.0.clone())
        .to(to)
        .subject(text.subject)
        // The same at each attempt, so that a mail accepted twice can be told.
        .message_id(Some(format!("<{}@{host}>", letter.id)))
        .raw_header(written_by_a_machine())
        .multipart(MultiPart::alternative_plain_html(plain(letter, &text), html(letter, &text)))
        .map_err(|e| refused(&e))
}

/// Nobody's out-of-office note answers it (RFC 3834 section 5).
fn written_by_a_machine() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

/// What the receiver is called, unless readers could make a link of it: anybody can name themselves and have a mail sent to a stranger.
fn name(letter: &Letter) -> Option<&str> {
    let name = letter.name.as_ref()?.as_str();
    let is_linked =
        |word: &str| word.trim_matches('.').contains('.') || word.contains("://") || word.contains('@');
    (!name.split_whitespace().any(is_linked)).then_some(name)
}

fn greeting(letter: &Letter) -> String {
    name(letter).map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"))
}

fn plain(letter: &Letter, text: &Text) -> String {
    let link = letter.link.as_deref().filter(|_| text.button.is_some());
    let mut paragraphs = vec![greeting(letter)];
    paragraphs.extend(text.lines.iter().map(|line| (*line).to_owned()));
    paragraphs.extend(link.map(str::to_owned));
    paragraphs.push(text.after.to_owned());
    paragraphs.join("\n\n") + "\n"
}

fn html(letter: &Letter, text: &Text) -> String {
    let mut paragraphs = vec![encode_text(&greeting(letter)).into_owned()];
    paragraphs.extend(text.lines.iter().map(|line| encode_text(line).into_owned()));
    if let (Some(button), Some(link)) = (text.button, letter.link.as_deref()) {
        let (href, label) = (encode_double_quoted_attribute(link), encode_text(button));
        paragraphs.push(format!("<a href=\"{href}\">{label}</a>"));
    }
    paragraphs.push(encode_text(text.after).into_owned());
    let body = format!("<p>{}</p>", paragraphs.join("</p>\n<p>"));
    let title = encode_text(text.subject);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body>\n{body}\n</body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use domain::account::{DisplayName, Email};
    use uuid::Uuid;

    use super::*;

    fn letter(template: Template, name: &str) -> Letter {
        Letter {
            id: Uuid::nil(),
            to: Email::parse("ann@example.com").expect("an address"),
            name: DisplayName::parse(name).ok(),
            template,
            link: Some("https://todos.example.com/verify?token=a&b=\"c\"".into()),
        }
    }

    fn wire(template: Template, name: &str) -> String {
        let sender = Sender::parse("Todos <todos@example.com>").expect("a mailbox");
        let message = compose(&letter(template, name), &sender).expect("it can be composed");
        String::from_utf8(message.formatted()).expect("mails are ASCII")
    }

    #[test]
    fn every_template_has_both_parts_and_a_constant_id() {
        for template in Template::ALL {
            let wire = wire(template, "Ann");
            assert!(wire.contains("text/plain") && wire.contains("text/html"), "{wire}");
            // With a second one before it, which names no boundary, readers find no part.
            assert_eq!(wire.matches("Content-Type: multipart").count(), 1, "{wire}");
            assert!(wire.contains("\r\nAuto-Submitted: auto-generated\r\n"), "{wire}");
            assert!(
                wire.contains("Message-ID: <00000000-0000-0000-0000-000000000000@example.com>"),
                "{wire}"
            );
        }
    }

    #[test]
    fn a_name_can_neither_inject_markup_nor_headers() {
        let text = html(&letter(Template::MagicLink, "<b>Ann</b>"), &text(Template::MagicLink));
        assert!(text.contains("Hello &lt;b&gt;Ann&lt;/b&gt;,"), "{text}");
        assert!(
            text.contains("href=\"https://todos.example.com/verify?token=a&amp;b=&quot;c&quot;\""),
            "{text}"
        );
        assert!(DisplayName::parse("Ann\nBcc: eve@example.com").is_err());
        assert!(!wire(Template::MagicLink, "Ann, Bcc: eve@example.com").contains("\nBcc:"));
    }

    #[test]
    fn nobody_is_greeted_with_an_address_to_visit() {
        for name in
            ["Your parcel waits: https://evil.example", "visit evil.example", "eve@evil", "evil.example/x"]
        {
            let mail = wire(Template::VerifyEmail, name);
            assert!(mail.contains("Hello,") && !mail.contains("evil"), "{mail}");
        }
        assert!(wire(Template::VerifyEmail, "Dr. Ann O'Hara").contains("Hello Dr. Ann O'Hara,"));
    }
}
