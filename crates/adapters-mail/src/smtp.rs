//! Mails by SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS (RFC 8314), and login (RFC 4954).
//!
//! Each mail has a connection of its own. A connection that is used again may hold the answer to a mail that somebody stopped
//! waiting for, which would then be taken for the answer to another.

use std::time::Duration;

use async_trait::async_trait;
use domain::mail::{Letter, MailError, Mailer};
use lettre::transport::smtp::Error as Failure;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::time::timeout;

use crate::message::{Sender, compose};

/// How long each address of the server may take to let us in.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long a server that has accepted a mail may take to say goodbye.
const PARTING: Duration = Duration::from_secs(1);

/// How the connection is protected. Certificates are checked against the authorities that the machine trusts; `SSL_CERT_FILE` names
/// others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Not at all: for a relay on this machine.
    None,
    /// STARTTLS, which the server must offer.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// Where mails are handed over.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// The server, whose certificate must name it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// User and password, where the server asks for them.
    pub login: Option<(String, SecretString)>,
}

/// Why the settings can't work.
#[derive(Debug, Error)]
#[error("SMTP can't be set up: {0}")]
pub struct SmtpError(String);

/// Hands mails to an SMTP server. How long one may take is for the caller to say: dropping [`Mailer::send`] closes the connection.
pub struct SmtpMailer {
    host: String,
    port: u16,
    tls: SmtpTls,
    parameters: TlsParameters,
    login: Option<Credentials>,
    sender: Sender,
}

impl SmtpMailer {
    /// Connects when the first mail is sent.
    pub fn new(settings: &SmtpSettings, sender: Sender) -> Result<Self, SmtpError> {
        let SmtpSettings { host, port, tls, login } = settings;
        let parameters = TlsParameters::new(host.clone()).map_err(|e| SmtpError(e.to_string()))?;
        let login = login
            .as_ref()
            .map(|(user, password)| Credentials::new(user.clone(), password.expose_secret().to_owned()));
        Ok(Self { host: host.clone(), port: *port, tls: *tls, parameters, login, sender })
    }

    /// A connection that is as protected as it has to be, and logged in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let (server, me) = ((self.host.as_str(), self.port), ClientId::default());
        let at_once = (self.tls == SmtpTls::Tls).then(|| self.parameters.clone());
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECTING), &me, at_once, None).await?;
        if self.tls == SmtpTls::StartTls {
            connection.starttls(self.parameters.clone(), &me).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = compose(letter, &self.sender)?;
        // Whatever is wrong up to here says nothing about the mail: a password that is refused today may be put right.
        let connected = self.connect().await;
        let mut connection = connected.map_err(|failure| MailError::Temporary(failure.to_string()))?;
        connection.send(message.envelope(), &message.formatted()).await.map_err(|failure| judge(&failure))?;
        // The mail is accepted whether or not the server says goodbye.
        let _ = timeout(PARTING, connection.quit()).await;
        Ok(())
    }
}

/// A 5xx is for good; anything else may pass. The server's words are kept, and none of ours.
fn judge(failure: &Failure) -> MailError {
    let told = failure.to_string();
    if failure.is_permanent() { MailError::Permanent(told) } else { MailError::Temporary(told) }
}
