//! Emails turned off.

use async_trait::async_trait;
use domain::mail::{MailError, Mailer, OutgoingMail};

/// Sends nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    async fn send(&self, _mail: &OutgoingMail) -> Result<(), MailError> {
        Err(MailError::Off)
    }
}
