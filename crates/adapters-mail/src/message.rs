//! The texts of emails, each in plain text and in HTML.

use domain::mail::{MailError, OutgoingMail, Template};
use html_escape::{encode_double_quoted_attribute, encode_text};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

/// The sender of all emails, such as `Todos <todos@example.com>`.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

impl Sender {
    /// Parses a mailbox (RFC 5322 section 3.4).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// No name follows: see [`domain::mail`].
const GREETING: &str = "Hello,";

struct Text {
    subject: &'static str,
    intro: &'static str,
    /// The label of the link in HTML.
    button: Option<&'static str>,
    outro: &'static str,
}

const fn text(template: Template) -> Text {
    match template {
        Template::VerifyEmail => Text {
            subject: "Confirm your email address",
            intro: "Please confirm your email address with the link below. It works for 24 hours.",
            button: Some("Confirm email address"),
            outro: "If you did not sign up, you can ignore this email. Your address will not be used.",
        },
        Template::ResetPassword => Text {
            subject: "Reset your password",
            intro: "You can choose a new password with the link below. It works once, within the next hour.",
            button: Some("Choose a new password"),
            outro: "If you did not ask for this, you can ignore this email. Your password stays the same.",
        },
        Template::MagicLink => Text {
            subject: "Your login link",
            intro: "You can log in with the link below. It works once, within the next 15 minutes.",
            button: Some("Log in"),
            outro: "If you did not try to log in, you can ignore this email.",
        },
        Template::EmailChanged => Text {
            subject: "Your email address was changed",
            intro: "Your account now uses a different email address. We will no longer write to this one.",
            button: None,
            outro: "If you did not change it, someone else may have access to your account. Please contact support \
                    right away.",
        },
        Template::PasswordChanged => Text {
            subject: "Your password was changed",
            intro: "The password of your account was changed, and your other devices were logged out.",
            button: None,
            outro: "If you did not change it, please reset your password right away.",
        },
        Template::ProviderLinked => Text {
            subject: "A new way to log in to your account",
            intro: "Your account was linked to a login at another provider.",
            button: None,
            outro: "If you did not link it, please unlink it, or reset your password and choose to unlink all \
                    providers.",
        },
        Template::ProviderUnlinked => Text {
            subject: "A way to log in to your account was removed",
            intro: "Your account is no longer linked to a login at another provider.",
            button: None,
            outro: "If you did not unlink it, please reset your password right away.",
        },
        Template::AccountDeleted => Text {
            subject: "Your account was deleted",
            intro: "Your account and everything in it was deleted, as requested.",
            button: None,
            outro: "If you did not delete it, please contact support right away.",
        },
    }
}

/// Renders an email in the form that is sent.
pub(crate) fn compose(mail: &OutgoingMail, sender: &Sender) -> Result<Message, MailError> {
    let refused = |error: &dyn ToString| MailError::Permanent(error.to_string());
    let to = Mailbox::new(None, mail.to.mailbox().parse().map_err(|e| refused(&e))?);
    let text = text(mail.template);
    let host = sender.0.email.domain();
    Message::builder()
        .from(sender.0.clone())
        .to(to)
        .subject(text.subject)
        // The same on each attempt, so that email programs can recognize a duplicate.
        .message_id(Some(format!("<{}@{host}>", mail.id)))
        .raw_header(auto_submitted())
        .multipart(MultiPart::alternative_plain_html(plain(mail, &text), html(mail, &text)))
        .map_err(|e| refused(&e))
}

/// Suppresses automatic replies such as out-of-office notes (RFC 3834 section 5).
fn auto_submitted() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

/// The sentence about the providers that the email mentions.
fn providers(mail: &OutgoingMail) -> Option<String> {
    if mail.providers.is_empty() {
        return None;
    }
    let names = mail.providers.join(", ");
    Some(match mail.template {
        Template::ResetPassword | Template::PasswordChanged => {
            format!("Logins at these providers work as before: {names}.")
        }
        _ => format!("The provider: {names}."),
    })
}

fn plain(mail: &OutgoingMail, text: &Text) -> String {
    let link = mail.link.as_deref().filter(|_| text.button.is_some());
    let providers = providers(mail);
    let paragraphs = [Some(GREETING), Some(text.intro), link, providers.as_deref(), Some(text.outro)];
    paragraphs.into_iter().flatten().collect::<Vec<_>>().join("\n\n") + "\n"
}

fn html(mail: &OutgoingMail, text: &Text) -> String {
    let link = text.button.zip(mail.link.as_deref()).map(|(button, link)| {
        let (href, label) = (encode_double_quoted_attribute(link), encode_text(button));
        format!("<a href=\"{href}\">{label}</a>")
    });
    let providers = providers(mail).map(|text| encode_text(&text).into_owned());
    let [greeting, intro, outro] =
        [GREETING, text.intro, text.outro].map(|text| encode_text(text).into_owned());
    let paragraphs = [Some(greeting), Some(intro), link, providers, Some(outro)];
    let paragraphs: Vec<_> = paragraphs.into_iter().flatten().collect();
    let body = format!("<p>{}</p>", paragraphs.join("</p>\n<p>"));
    let title = encode_text(text.subject);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body>\n{body}\n</body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use domain::user::Email;
    use uuid::Uuid;

    use super::*;

    fn mail(template: Template) -> OutgoingMail {
        OutgoingMail {
            id: Uuid::nil(),
            to: Email::parse("ann@example.com").expect("an address"),
            template,
            link: Some("https://todos.example.com/verify?token=a&b=\"c\"".into()),
            providers: vec!["Google".to_owned(), "<i>Acme</i>".to_owned()],
        }
    }

    #[test]
    fn every_mail_has_both_parts_and_a_constant_id() {
        let sender = Sender::parse("Todos <todos@example.com>").expect("a mailbox");
        for template in Template::ALL {
            let message = compose(&mail(template), &sender).expect("it can be composed");
            let wire = String::from_utf8(message.formatted()).expect("mails are ASCII");
            assert!(wire.contains("text/plain") && wire.contains("text/html"), "{wire}");
            // A second Content-Type without a boundary would hide the parts.
            assert_eq!(wire.matches("Content-Type: multipart").count(), 1, "{wire}");
            assert!(wire.contains("\r\nTo: ann@example.com\r\n"), "{wire}");
            assert!(wire.contains("\r\nAuto-Submitted: auto-generated\r\n"), "{wire}");
            assert!(
                wire.contains("Message-ID: <00000000-0000-0000-0000-000000000000@example.com>"),
                "{wire}"
            );
        }
    }

    #[test]
    fn the_mail_of_a_reset_names_the_providers_that_still_log_in() {
        for template in [Template::ResetPassword, Template::PasswordChanged] {
            let mail = mail(template);
            let expected = "Logins at these providers work as before: Google, <i>Acme</i>.";
            assert!(plain(&mail, &text(template)).contains(expected));
            assert!(html(&mail, &text(template)).contains("Google, &lt;i&gt;Acme&lt;/i&gt;."));
        }
        let none = OutgoingMail { providers: Vec::new(), ..mail(Template::ResetPassword) };
        assert!(!plain(&none, &text(none.template)).contains("provider"));
    }

    #[test]
    fn a_link_is_escaped_in_html() {
        let text = html(&mail(Template::MagicLink), &text(Template::MagicLink));
        assert!(
            text.contains("href=\"https://todos.example.com/verify?token=a&amp;b=&quot;c&quot;\""),
            "{text}"
        );
    }
}
