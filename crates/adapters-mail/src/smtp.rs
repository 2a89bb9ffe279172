//! Mails by SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS (RFC 8314), and login (RFC 4954).

use std::time::Duration;

use async_trait::async_trait;
use domain::mail::{Letter, MailError, Mailer};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::message::{Sender, compose};

/// How the connection is protected.
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

/// Hands mails to an SMTP server over at most two connections, each answer awaited for at most 30 s.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
}

impl SmtpMailer {
    /// Connects when the first mail is sent.
    pub fn new(settings: &SmtpSettings, sender: Sender) -> Result<Self, SmtpError> {
        let parameters = || TlsParameters::new(settings.host.clone()).map_err(|e| SmtpError(e.to_string()));
        let tls = match settings.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::StartTls => Tls::Required(parameters()?),
            SmtpTls::Tls => Tls::Wrapper(parameters()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(Duration::from_secs(30)))
            .pool_config(PoolConfig::new().max_size(2).idle_timeout(Duration::from_secs(30)));
        if let Some((user, password)) = &settings.login {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self { transport: builder.build(), sender })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = compose(letter, &self.sender)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(judge(&error)),
        }
    }
}

/// A 5xx is for good; anything else may pass. The server's words are kept, and none of ours.
fn judge(error: &Error) -> MailError {
    let told = error.to_string();
    if error.is_permanent() { MailError::Permanent(told) } else { MailError::Temporary(told) }
}
