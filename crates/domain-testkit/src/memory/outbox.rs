//! The outbox.

use async_trait::async_trait;
use domain::account::MailRecord;
use domain::mail::{NewMail, Outbox, QueuedMail};
use domain::{Stamp, StoreError};
use uuid::Uuid;

use super::{MemoryStore, State};

pub(super) struct Mail {
    pub content: NewMail,
    attempts: u32,
    /// `None` if the email was sent or abandoned.
    due: Option<Stamp>,
    pub sent_at: Option<Stamp>,
    abandoned_at: Option<Stamp>,
}

impl Mail {
    /// Whether the email was sent or abandoned before `then`.
    pub(super) fn finished_before(&self, then: Stamp) -> bool {
        self.sent_at.or(self.abandoned_at).is_some_and(|finished| finished < then)
    }

    pub(super) fn record(&self) -> MailRecord {
        let NewMail { template, to, .. } = &self.content;
        MailRecord { template: *template, to: to.as_str().to_owned(), sent_at: self.sent_at }
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn claim(&self, now: Stamp, lease_until: Stamp, limit: u32) -> Result<Vec<QueuedMail>, StoreError> {
        assert!(lease_until > now, "a lease must end after it begins");
        let mut state = self.enter()?;
        let mut due: Vec<_> =
            state.mails.values_mut().filter(|mail| mail.due.is_some_and(|due| due <= now)).collect();
        due.sort_unstable_by_key(|mail| (mail.due, mail.content.id));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due
            .into_iter()
            .map(|mail| {
                mail.due = Some(lease_until);
                QueuedMail { mail: mail.content.clone(), attempts: mail.attempts }
            })
            .collect())
    }

    async fn sent(&self, mail: Uuid, now: Stamp) -> Result<(), StoreError> {
        if let Some(mail) = self.enter()?.mails.get_mut(&mail).filter(|mail| mail.sent_at.is_none()) {
            (mail.sent_at, mail.abandoned_at, mail.due) = (Some(now), None, None);
        }
        Ok(())
    }

    async fn failed(&self, mail: Uuid, error: &str, next: Stamp) -> Result<(), StoreError> {
        assert!(!error.is_empty(), "a failure must have a reason");
        if let Some(mail) = self.enter()?.queued_mut(mail) {
            mail.attempts += 1;
            mail.due = Some(next);
        }
        Ok(())
    }

    async fn abandoned(&self, mail: Uuid, error: &str, now: Stamp) -> Result<(), StoreError> {
        assert!(!error.is_empty(), "a failure must have a reason");
        if let Some(mail) = self.enter()?.queued_mut(mail) {
            mail.attempts += 1;
            (mail.due, mail.abandoned_at) = (None, Some(now));
        }
        Ok(())
    }

    async fn queued(&self) -> Result<u64, StoreError> {
        Ok(self.enter()?.mails.values().filter(|mail| mail.due.is_some()).count() as u64)
    }
}

impl State {
    pub(super) fn queue(&mut self, mail: NewMail, now: Stamp) {
        let (id, due) = (mail.id, Some(mail.due(now)));
        let mail = Mail { content: mail, attempts: 0, due, sent_at: None, abandoned_at: None };
        assert!(self.mails.insert(id, mail).is_none(), "the id of mail {id} is already in use");
    }

    fn queued_mut(&mut self, mail: Uuid) -> Option<&mut Mail> {
        self.mails.get_mut(&mail).filter(|mail| mail.due.is_some())
    }
}
