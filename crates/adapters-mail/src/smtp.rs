//! Sends emails over SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS (RFC 8314), and
//! authentication (RFC 4954).
//!
//! Each mail uses a connection of its own. On a reused connection, the late reply to an abandoned
//! mail could be taken for the reply to the next one.

use std::time::Duration;

use async_trait::async_trait;
use domain::mail::{MailError, Mailer, OutgoingMail};
use lettre::transport::smtp::Error as Failure;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::time::timeout;

use crate::message::{Sender, compose};

/// How long connecting to each address of the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the reply to QUIT may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// How the connection is encrypted. Certificates are verified against the system's trust store, or
/// that in `SSL_CERT_FILE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// No encryption: for a relay on the same machine.
    None,
    /// STARTTLS; the server must support it.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// How to reach the mail server, and how to log in to it.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// The host name, which the certificate must contain.
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// The user name and the password.
    pub login: Option<(String, SecretString)>,
}

/// The settings are invalid.
#[derive(Debug, Error)]
#[error("SMTP can't be set up: {0}")]
pub struct SmtpError(String);

/// Sends emails to an SMTP server. Apart from connecting, nothing has a time-out here: to cancel
/// [`Mailer::send`], drop it, which closes the connection.
pub struct SmtpMailer {
    host: String,
    port: u16,
    tls: SmtpTls,
    parameters: TlsParameters,
    login: Option<Credentials>,
    sender: Sender,
}

impl SmtpMailer {
    /// Does not connect yet.
    pub fn new(settings: &SmtpSettings, sender: Sender) -> Result<Self, SmtpError> {
        let SmtpSettings { host, port, tls, login } = settings;
        let parameters = TlsParameters::new(host.clone()).map_err(|e| SmtpError(e.to_string()))?;
        let login = login
            .as_ref()
            .map(|(user, password)| Credentials::new(user.clone(), password.expose_secret().to_owned()));
        Ok(Self { host: host.clone(), port: *port, tls: *tls, parameters, login, sender })
    }

    /// Opens a connection, encrypts it as configured, and logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let (server, client) = ((self.host.as_str(), self.port), ClientId::default());
        let implicit_tls = (self.tls == SmtpTls::Tls).then(|| self.parameters.clone());
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT_TIMEOUT), &client, implicit_tls, None)
                .await?;
        if self.tls == SmtpTls::StartTls {
            connection.starttls(self.parameters.clone(), &client).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let message = compose(mail, &self.sender)?;
        // No failure up to here concerns the email itself: an operator can correct a rejected
        // password.
        let connected = self.connect().await;
        let mut connection = connected.map_err(|failure| MailError::Temporary(failure.to_string()))?;
        connection
            .send(message.envelope(), &message.formatted())
            .await
            .map_err(|failure| mail_error(&failure))?;
        // The server has accepted the email, whatever it replies to QUIT.
        let _ = timeout(QUIT_TIMEOUT, connection.quit()).await;
        Ok(())
    }
}

/// A 5xx reply is permanent, and so is an email that this server can't take: a local part outside
/// ASCII needs SMTPUTF8. Any other failure is temporary. The error contains the server's reply and
/// nothing of the email.
fn mail_error(failure: &Failure) -> MailError {
    let message = failure.to_string();
    let is_permanent = failure.is_permanent() || failure.is_client();
    if is_permanent { MailError::Permanent(message) } else { MailError::Temporary(message) }
}
