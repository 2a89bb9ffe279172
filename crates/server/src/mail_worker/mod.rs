//! Sends what waits in the outbox.
//!
//! A mail is claimed with a lease, so that several instances never send one at the same time and an instance that died loses none; what
//! the next hop answered for is marked before anything else is claimed. Deliberately absent: the texts.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::account::OneTimeSecrets;
use domain::mail::{Letter, MailError, Mailer, NewMail, Outbox, QueuedMail, Template, retry_after};
use domain::secret::SecretSource;
use domain::{Clock, StoreError};
use futures_util::future::join_all;
use metrics::{counter, gauge};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::stop::Stop;

/// How many are claimed, and sent, at once.
const AT_ONCE: u32 = 4;
/// How many times as long as one may take to be sent a claim holds: others send the mail again after it.
const LEASE: u32 = 3;
/// How long an idle worker sleeps.
const IDLE: Duration = Duration::from_millis(500);
/// How often those that wait are counted.
const COUNTING: Duration = Duration::from_secs(10);
/// The most characters of an error that are kept.
const LONGEST_ERROR: usize = 500;

/// The mail worker of one instance.
pub struct MailWorker {
    parts: MailParts,
    /// Answered for by the next hop, and not yet marked as sent, as the store could not be reached.
    unmarked: HashSet<Uuid>,
    counted: Option<Instant>,
}

/// What a [`MailWorker`] works with.
pub struct MailParts {
    /// Where mails wait.
    pub outbox: Arc<dyn Outbox>,
    /// Where they go.
    pub mailer: Arc<dyn Mailer>,
    /// Derives what stands in their links.
    pub one_time: Arc<dyn OneTimeSecrets>,
    /// Spreads the next attempts.
    pub secrets: Arc<dyn SecretSource>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where links lead, without a slash at the end.
    pub frontend_url: String,
    /// How long one may take to be sent.
    pub patience: Duration,
    /// After how long one that failed is tried again; each further time it is twice as long, up to an hour.
    pub retry: Duration,
}

impl MailWorker {
    /// Sends nothing yet.
    pub fn new(parts: MailParts) -> Self {
        Self { parts, unmarked: HashSet::new(), counted: None }
    }

    /// Sends until the server stops; then what is under way is finished. An outage of the store is logged when it begins and
    /// when it ends.
    pub async fn run(mut self, mut stop: Stop) {
        let mut failing = false;
        while !stop.requested() || !self.unmarked.is_empty() {
            let outcome = if stop.requested() { self.mark().await.map(|()| 0) } else { self.round().await };
            match &outcome {
                Ok(_) if failing => tracing::info!("the outbox can be read again"),
                Err(error) if !failing => tracing::error!(%error, "the outbox can't be read"),
                Ok(_) | Err(_) => {}
            }
            failing = outcome.is_err();
            match outcome {
                Ok(0) | Err(_) if stop.requested() => tokio::time::sleep(IDLE).await,
                Ok(0) | Err(_) => stop.pause(IDLE).await,
                Ok(_) => {}
            }
        }
    }

    /// Claims and sends some; how many.
    async fn round(&mut self) -> Result<usize, StoreError> {
        self.mark().await?;
        self.count().await?;
        let now = self.parts.clock.now();
        let claimed = self.parts.outbox.claim(now, now.plus(self.parts.patience * LEASE), AT_ONCE).await?;
        let sent = join_all(claimed.iter().map(|queued| self.send(&queued.mail))).await;
        let accepted = claimed.iter().zip(&sent).filter(|(_, sent)| sent.is_ok());
        self.unmarked.extend(accepted.map(|(queued, _)| queued.mail.id));
        self.mark().await?;
        for (queued, sent) in claimed.iter().zip(sent) {
            if let Err(error) = sent {
                self.put_off(queued, &error).await?;
            }
        }
        Ok(claimed.len())
    }

    async fn send(&self, mail: &NewMail) -> Result<(), MailError> {
        let letter = self.parts.letter(mail);
        let sent = timeout(self.parts.patience, self.parts.mailer.send(&letter)).await;
        sent.unwrap_or_else(|_| Err(MailError::Temporary("it took too long".to_owned())))
    }

    /// Marks what was accepted.
    async fn mark(&mut self) -> Result<(), StoreError> {
        while let Some(mail) = self.unmarked.iter().next().copied() {
            self.parts.outbox.sent(mail, self.parts.clock.now()).await?;
            self.unmarked.remove(&mail);
            counter!("mail_sent_total").increment(1);
            tracing::info!(%mail, "mail sent");
        }
        Ok(())
    }

    async fn put_off(&self, queued: &QueuedMail, error: &MailError) -> Result<(), StoreError> {
        let (now, told) = (self.parts.clock.now(), self.parts.told(&queued.mail, error));
        let (mail, attempts) = (queued.mail.id, queued.attempts.saturating_add(1));
        counter!("mail_failed_total").increment(1);
        if let Some(pause) = retry_after(self.parts.retry, queued.attempts, error) {
            let next = now.plus(jittered(pause, self.parts.secrets.uuid()));
            let noted = self.parts.outbox.failed(mail, &told, next).await;
            tracing::warn!(%mail, attempts, error = told, "mail not sent yet");
            noted
        } else {
            let noted = self.parts.outbox.given_up(mail, &told, now).await;
            tracing::error!(%mail, attempts, error = told, "mail not sent, and not tried again");
            counter!("mail_given_up_total").increment(1);
            noted
        }
    }

    async fn count(&mut self) -> Result<(), StoreError> {
        if self.counted.is_none_or(|counted| counted.elapsed() >= COUNTING) {
            let queued = self.parts.outbox.queued().await?;
            #[expect(clippy::cast_precision_loss, reason = "nobody reads the last digits of 2^53 mails")]
            gauge!("mail_queued").set(queued as f64);
            self.counted = Some(Instant::now());
        }
        Ok(())
    }
}

impl MailParts {
    fn letter(&self, mail: &NewMail) -> Letter {
        let NewMail { id, to, name, template, .. } = mail.clone();
        Letter { id, to, name, template, link: self.link(mail) }
    }

    fn link(&self, mail: &NewMail) -> Option<String> {
        let page = match mail.template {
            Template::VerifyEmail => "verify-email",
            Template::ResetPassword => "reset-password",
            Template::MagicLink => "magic-link",
            Template::EmailChanged | Template::PasswordChanged => return None,
        };
        let token = self.one_time.derive(mail.token?);
        Some(format!("{}/{page}?token={token}", self.frontend_url))
    }

    /// What is kept of an error. Mail servers may quote the mail, and its link is a secret.
    fn told(&self, mail: &NewMail, error: &MailError) -> String {
        let mut told = error.to_string();
        if let Some(token) = mail.token {
            told = told.replace(&self.one_time.derive(token), "[token]");
        }
        told.chars().take(LONGEST_ERROR).collect()
    }
}

/// Up to a quarter more, so that what failed together is not tried again together.
fn jittered(pause: Duration, random: Uuid) -> Duration {
    let part = u32::from(random.as_bytes()[15]);
    pause + pause * part / 1024
}
