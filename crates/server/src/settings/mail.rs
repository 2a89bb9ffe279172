//! How mail is sent, and where its links point.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adapters_mail::{Sender, SmtpSettings, SmtpTls};

use super::layers::Layers;
use super::parse::{host, number, one_of, web_address};
use super::{DATA_FOLDER, Environment, setting};

/// The address of a frontend under development.
const DEVELOPMENT: &str = "http://localhost:3000";

/// The folder for emails that are written as files, in the data folder.
const OUTBOX: &str = "outbox";

/// How mail is sent, and where its links point.
#[derive(Debug)]
pub struct Mail {
    /// The frontend's URL, without a slash at the end.
    pub frontend_url: String,
    pub from: Sender,
    pub transport: Transport,
    /// How long the transport may take over one email.
    pub timeout: Duration,
    /// The pause before the second attempt.
    pub retry: Duration,
}

/// What carries emails.
#[derive(Debug)]
pub enum Transport {
    Smtp(SmtpSettings),
    /// Each mail becomes a file in this folder.
    Folder(PathBuf),
    /// No mail is sent.
    Off,
}

/// The values of `MAIL`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Smtp,
    Folder,
    Off,
}

impl Mail {
    /// Links lead to the web app where the server serves it at `served_at`, else to a frontend under
    /// development.
    pub(super) fn read(
        layers: &Layers,
        environment: Environment,
        folder: &Path,
        served_at: Option<&str>,
    ) -> Self {
        let is_production = environment == Environment::Production;
        let words = [("smtp", Kind::Smtp), ("folder", Kind::Folder), ("off", Kind::Off)];
        let given = layers.find(&setting::MAIL, one_of(&words));
        let has_smtp = layers.is_given(&setting::SMTP_HOST);
        let kind = given.unwrap_or(if has_smtp { Kind::Smtp } else { Kind::Folder });
        let frontend_url = layers.find(&setting::FRONTEND_URL, web_address);
        let frontend_url = frontend_url.unwrap_or_else(|| served_at.unwrap_or(DEVELOPMENT).to_owned());
        if is_production && !frontend_url.starts_with("https://") {
            let problem = "must be an https address in production: links in mails lead there";
            layers.report(setting::FRONTEND_URL.error(problem));
        }
        match kind {
            Kind::Smtp if !has_smtp => {
                layers.report(setting::SMTP_HOST.error("must be set where MAIL is smtp"));
            }
            Kind::Folder if is_production => {
                let problem = "must be set in production, unless MAIL is off: mails would only become files";
                layers.report(setting::SMTP_HOST.error(problem));
            }
            Kind::Smtp if !layers.is_given(&setting::EMAILS_FROM) => {
                layers.report(setting::EMAILS_FROM.error("must be set where SMTP_HOST is"));
            }
            Kind::Smtp | Kind::Folder | Kind::Off => {}
        }
        let smtp = smtp(layers);
        Self {
            frontend_url,
            from: layers.get(&setting::EMAILS_FROM, sender),
            transport: match (kind, smtp) {
                (Kind::Off, _) => Transport::Off,
                (Kind::Smtp, Some(smtp)) => Transport::Smtp(smtp),
                (Kind::Smtp | Kind::Folder, _) => Transport::Folder(folder.join(DATA_FOLDER).join(OUTBOX)),
            },
            timeout: Duration::from_secs(layers.get(&setting::MAIL_TIMEOUT_SECONDS, number(1..=600))),
            retry: Duration::from_secs(layers.get(&setting::MAIL_RETRY_SECONDS, number(1..=3600))),
        }
    }
}

impl Mail {
    /// Whether mail goes to another machine without TLS, and so its links are readable on the way.
    pub(super) fn sends_in_clear_to_another_machine(&self) -> bool {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.tls == SmtpTls::None && !is_loopback(&smtp.host),
            Transport::Folder(_) | Transport::Off => false,
        }
    }
}

fn sender(text: &str) -> Result<Sender, &'static str> {
    Sender::parse(text).ok_or("must be an address, or a name and an address")
}

/// `None` without an SMTP server.
fn smtp(layers: &Layers) -> Option<SmtpSettings> {
    let words = [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls), ("none", SmtpTls::None)];
    let tls = layers.get(&setting::SMTP_TLS, one_of(&words));
    let port = layers.find(&setting::SMTP_PORT, number(1..=u16::MAX));
    let login = layers.credentials(&setting::SMTP_USER, &setting::SMTP_PASSWORD);
    let host = layers.find(&setting::SMTP_HOST, host)?;
    if login.is_some() && tls == SmtpTls::None && !is_loopback(&host) {
        let problem = "must not be none where a password is sent to another machine";
        layers.report(setting::SMTP_TLS.error(problem));
    }
    let port = port.unwrap_or(match tls {
        SmtpTls::StartTls => 587,
        SmtpTls::Tls => 465,
        SmtpTls::None => 25,
    });
    Some(SmtpSettings { host, port, tls, login })
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
