//! How mail leaves, and where its links lead.

use std::path::{Path, PathBuf};
use std::time::Duration;

use adapters_mail::{Sender, SmtpSettings, SmtpTls};

use super::layers::Layers;
use super::{DATA_FOLDER, Environment, SettingsError, known, read};

/// Where mails go as files, below the data folder.
const OUTBOX: &str = "outbox";
/// Who mails are from where they only become files.
const NOBODY: &str = "Todos <todos@localhost>";

/// How mail leaves, and where its links lead.
#[derive(Debug)]
pub struct Mail {
    /// The frontend, an absolute http or https address without a slash at the end.
    pub frontend_url: String,
    /// Who mails are from.
    pub from: Sender,
    /// How they leave.
    pub smtp: Smtp,
    /// How long one may take to leave.
    pub timeout: Duration,
    /// After how long one that failed is tried again at first.
    pub retry: Duration,
}

/// How mails leave.
#[derive(Debug)]
pub enum Smtp {
    /// Through a server.
    Server(SmtpSettings),
    /// They don't: each becomes a file in this folder.
    Folder(PathBuf),
}

impl Mail {
    pub(super) fn read(
        layers: &Layers,
        environment: Environment,
        folder: &Path,
    ) -> Result<Self, SettingsError> {
        let production = environment == Environment::Production;
        let frontend_url = read::web_address(layers, known::FRONTEND_URL)?
            .unwrap_or_else(|| "http://localhost:3000".to_owned());
        if production && !frontend_url.starts_with("https://") {
            return Err(
                known::FRONTEND_URL.bad("must be an https address in production: links in mails lead there")
            );
        }
        let smtp = match server(layers)? {
            Some(server) => Smtp::Server(server),
            None if production => {
                return Err(known::SMTP_HOST.bad("must be set in production: mails would only become files"));
            }
            None => Smtp::Folder(folder.join(DATA_FOLDER).join(OUTBOX)),
        };
        let from = layers.text(known::EMAILS_FROM)?;
        if from.is_none() && matches!(smtp, Smtp::Server(_)) {
            return Err(known::EMAILS_FROM.bad("must be set where SMTP_HOST is"));
        }
        let from = Sender::parse(from.as_deref().unwrap_or(NOBODY));
        let from =
            from.ok_or_else(|| known::EMAILS_FROM.bad("must be an address, or a name and an address"))?;
        let timeout = read::number(layers, known::MAIL_TIMEOUT_SECONDS, 1..=600)?.unwrap_or(60);
        let retry = read::number(layers, known::MAIL_RETRY_SECONDS, 1..=3600)?.unwrap_or(10);
        let [timeout, retry] = [timeout, retry].map(Duration::from_secs);
        Ok(Self { frontend_url, from, smtp, timeout, retry })
    }
}

fn server(layers: &Layers) -> Result<Option<SmtpSettings>, SettingsError> {
    let words = [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls), ("none", SmtpTls::None)];
    let tls = read::one_of(layers, known::SMTP_TLS, &words)?.unwrap_or(SmtpTls::StartTls);
    let port = read::number(layers, known::SMTP_PORT, 1..=u16::MAX)?;
    let login = match (layers.text(known::SMTP_USER)?, layers.text(known::SMTP_PASSWORD)?) {
        (Some(user), Some(password)) => Some((user, password.into())),
        (None, None) => None,
        (Some(_), None) => return Err(known::SMTP_PASSWORD.bad("must be set where SMTP_USER is")),
        (None, Some(_)) => return Err(known::SMTP_USER.bad("must be set where SMTP_PASSWORD is")),
    };
    let Some(host) = layers.text(known::SMTP_HOST)? else { return Ok(None) };
    if !read::is_host(&host) {
        return Err(known::SMTP_HOST.bad(&format!("must be an address or a host name alone, not {host:?}")));
    }
    if login.is_some() && tls == SmtpTls::None && !is_this_machine(&host) {
        return Err(known::SMTP_TLS.bad("must not be none where a password is sent to another machine"));
    }
    let port = port.unwrap_or(match tls {
        SmtpTls::StartTls => 587,
        SmtpTls::Tls => 465,
        SmtpTls::None => 25,
    });
    Ok(Some(SmtpSettings { host, port, tls, login }))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
