//! Sends the emails in the outbox.
//!
//! A claim on an email is a lease: two instances never send one email at the same time, and if a
//! worker dies, another sends its emails. An email that the next hop accepted is marked as sent
//! before any other is claimed, even if the worker panics in between. Deliberately absent: the texts.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::mail::{MailError, Mailer, NewMail, Outbox, OutgoingMail, QueuedMail, retry_after};
use domain::one_time::OneTimeSecrets;
use domain::secret::SecretSource;
use domain::{Clock, StoreError};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use metrics::{counter, gauge};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::stop::Stop;

/// The number of emails that are claimed and sent concurrently.
const CONCURRENCY: u32 = 4;
/// The length of a lease, as a multiple of the time-out of one email.
const LEASE_TIMEOUTS: u32 = 3;
/// The pause when the outbox is empty or unreachable.
const IDLE_PAUSE: Duration = Duration::from_millis(500);
/// How often the waiting emails are counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);
/// The longest error that is stored, in characters.
const MAX_ERROR_CHARS: usize = 500;

/// The mail worker of one instance. A clone that goes on after a panic knows which emails were accepted.
#[derive(Clone)]
pub struct MailWorker {
    ports: MailPorts,
    settings: MailSettings,
    /// Accepted by the next hop but not yet marked as sent.
    unmarked: Arc<Mutex<BTreeSet<Uuid>>>,
    counted_at: Option<Instant>,
}

/// The ports that a [`MailWorker`] uses.
#[derive(Clone)]
pub struct MailPorts {
    pub outbox: Arc<dyn Outbox>,
    pub mailer: Arc<dyn Mailer>,
    /// Derives the tokens in links.
    pub one_time: Arc<dyn OneTimeSecrets>,
    /// The randomness for jitter.
    pub secrets: Arc<dyn SecretSource>,
    pub clock: Arc<dyn Clock>,
}

/// The settings of a [`MailWorker`].
#[derive(Clone)]
pub struct MailSettings {
    /// The base of links, without a slash at the end.
    pub frontend_url: String,
    /// How long sending one email may take.
    pub timeout: Duration,
    /// The pause before the second attempt. It doubles with each attempt, up to an hour.
    pub retry: Duration,
    /// The names and display names of the OAuth providers.
    pub providers: Vec<(String, String)>,
}

impl MailWorker {
    /// Creates a worker; [`run`](Self::run) starts it.
    pub fn new(ports: MailPorts, settings: MailSettings) -> Self {
        Self { ports, settings, unmarked: Arc::default(), counted_at: None }
    }

    /// Sends emails until the server stops, and finishes the emails that are then in progress. An
    /// outage of the store is logged once when it begins and once when it ends.
    pub async fn run(mut self, mut stop: Stop) {
        let mut failing = false;
        while !stop.is_requested() || !self.unmarked().is_empty() {
            let outcome =
                if stop.is_requested() { self.mark().await.map(|()| 0) } else { self.round().await };
            match &outcome {
                Ok(_) if failing => tracing::info!("the outbox is reachable again"),
                Err(error) if !failing => tracing::error!(%error, "the outbox is unreachable"),
                Ok(_) | Err(_) => {}
            }
            failing = outcome.is_err();
            match outcome {
                Ok(0) | Err(_) if stop.is_requested() => tokio::time::sleep(IDLE_PAUSE).await,
                Ok(0) | Err(_) => stop.sleep(IDLE_PAUSE).await,
                Ok(_) => {}
            }
        }
    }

    /// Claims and sends emails. Returns how many it claimed.
    async fn round(&mut self) -> Result<usize, StoreError> {
        self.mark().await?;
        self.count().await?;
        let now = self.ports.clock.now();
        let claimed = self
            .ports
            .outbox
            .claim(now, now.plus(self.settings.timeout * LEASE_TIMEOUTS), CONCURRENCY)
            .await?;
        let sent = join_all(claimed.iter().map(|queued| self.send(&queued.mail))).await;
        self.mark().await?;
        for (queued, sent) in claimed.iter().zip(sent) {
            if let Err(error) = sent {
                self.reschedule(queued, &error).await?;
            }
        }
        Ok(claimed.len())
    }

    /// Sends one email. A panic fails this email only.
    async fn send(&self, mail: &NewMail) -> Result<(), MailError> {
        let failed = |problem: &str| Err(MailError::Temporary(problem.to_owned()));
        let work = AssertUnwindSafe(async {
            let outgoing = self.outgoing(mail);
            timeout(self.settings.timeout, self.ports.mailer.send(&outgoing)).await
        });
        let sent = match work.catch_unwind().await {
            Ok(Ok(sent)) => sent,
            Ok(Err(_)) => failed("sending timed out"),
            Err(_) => failed("sending panicked"),
        };
        if sent.is_ok() {
            self.unmarked().insert(mail.id);
        }
        sent
    }

    /// Marks the accepted emails as sent.
    async fn mark(&self) -> Result<(), StoreError> {
        loop {
            let Some(mail) = self.unmarked().first().copied() else { return Ok(()) };
            self.ports.outbox.sent(mail, self.ports.clock.now()).await?;
            self.unmarked().remove(&mail);
            counter!("mail_sent_total").increment(1);
            tracing::info!(%mail, "mail sent");
        }
    }

    fn unmarked(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.unmarked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Schedules the next attempt, or gives up.
    async fn reschedule(&self, queued: &QueuedMail, error: &MailError) -> Result<(), StoreError> {
        let (now, error_text) = (self.ports.clock.now(), self.redacted(&queued.mail, error));
        let (mail, attempts) = (queued.mail.id, queued.attempts.saturating_add(1));
        if matches!(error, MailError::Off) {
            return self.ports.outbox.abandoned(mail, &error_text, now).await;
        }
        counter!("mail_failed_total").increment(1);
        if let Some(pause) = retry_after(self.settings.retry, queued.attempts, error) {
            let next = now.plus(jittered(pause, self.ports.secrets.uuid()));
            let stored = self.ports.outbox.failed(mail, &error_text, next).await;
            tracing::warn!(%mail, attempts, error = error_text, "mail not sent; trying again later");
            stored
        } else {
            let stored = self.ports.outbox.abandoned(mail, &error_text, now).await;
            tracing::error!(%mail, attempts, error = error_text, "mail not sent; giving up");
            counter!("mail_given_up_total").increment(1);
            stored
        }
    }

    async fn count(&mut self) -> Result<(), StoreError> {
        if self.counted_at.is_none_or(|counted_at| counted_at.elapsed() >= COUNT_INTERVAL) {
            let queued = self.ports.outbox.queued().await?;
            #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 emails")]
            gauge!("mail_queued").set(queued as f64);
            self.counted_at = Some(Instant::now());
        }
        Ok(())
    }

    fn outgoing(&self, mail: &NewMail) -> OutgoingMail {
        let NewMail { id, to, template, providers, .. } = mail.clone();
        let shown = |name: String| {
            let known = self.settings.providers.iter().find(|(known, _)| *known == name);
            known.map_or(name, |(_, display_name)| display_name.clone())
        };
        let providers = providers.into_iter().map(shown).collect();
        OutgoingMail { id, to, template, link: self.link(mail), providers }
    }

    fn link(&self, mail: &NewMail) -> Option<String> {
        let page = mail.template.page()?;
        let token = self.ports.one_time.derive(mail.token?);
        Some(format!("{}/{page}?token={token}", self.settings.frontend_url))
    }

    /// The error without the token of the email's link, which a mail server may quote.
    fn redacted(&self, mail: &NewMail, error: &MailError) -> String {
        let mut text = error.to_string();
        if let Some(token) = mail.token {
            text = text.replace(&self.ports.one_time.derive(token), "[token]");
        }
        without_addresses(&text).chars().take(MAX_ERROR_CHARS).collect()
    }
}

/// Mail servers repeat the receiver's address, at times in another form. Logs must not contain it.
fn without_addresses(text: &str) -> String {
    let ends_word = |c: char| c.is_whitespace() || "<>()[]{}:;,\"'".contains(c);
    let words = text.split_inclusive(ends_word).map(|word| {
        let end = word.trim_start_matches(|c| !ends_word(c));
        if word.contains('@') { format!("[address]{end}") } else { word.to_owned() }
    });
    words.collect()
}

/// Adds up to a quarter, so that emails that failed together are not retried together.
fn jittered(pause: Duration, random: Uuid) -> Duration {
    let fraction = u32::from(random.as_bytes()[15]);
    pause + pause * fraction / 1024
}
