//! Mail: what is sent, and the outbox in which it waits.
//!
//! A mail is written in the transaction of what causes it and sent afterwards by a worker, so that an outage of the mail server
//! loses nothing. Deliberately absent: the texts, and the links in clear. A mail names its one-time token by id; the
//! secret is derived when the mail is sent and so stands in no table.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

use crate::account::{DisplayName, Email, OneTimeId};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::time::Stamp;

/// What a mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Template {
    /// Show that the address is yours.
    VerifyEmail,
    /// Choose a new password.
    ResetPassword,
    /// Log in.
    MagicLink,
    /// To the old address: the account has a new one.
    EmailChanged,
    /// The password was changed.
    PasswordChanged,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 5] =
        [Self::VerifyEmail, Self::ResetPassword, Self::MagicLink, Self::EmailChanged, Self::PasswordChanged];

    /// The word that stores keep.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::MagicLink => "magic_link",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
        }
    }

    /// The template that stores keep as `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == word)
    }
}

/// A mail to be written into the outbox.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// Its id.
    pub id: Uuid,
    /// Whose account it is about, where there is one.
    pub user: Option<UserId>,
    /// To whom.
    pub to: Email,
    /// What the receiver is called.
    pub name: Option<DisplayName>,
    /// What it says.
    pub template: Template,
    /// The one-time token that its link carries.
    pub token: Option<OneTimeId>,
}

/// A mail taken out of the outbox to be sent.
#[derive(Clone, Debug)]
pub struct QueuedMail {
    /// What to send.
    pub mail: NewMail,
    /// How often it was tried before.
    pub attempts: u32,
}

/// The outbox.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes up to `limit` unsent mails that are due at `now` and makes each due again at `lease_until`: two workers MUST NOT
    /// take one mail, and a worker that died loses none.
    async fn claim(&self, now: Stamp, lease_until: Stamp, limit: u32) -> Result<Vec<QueuedMail>, StoreError>;

    /// It was accepted: it is never due again.
    async fn sent(&self, mail: Uuid, now: Stamp) -> Result<(), StoreError>;

    /// It was refused with `error`, which holds no secret, and is due again at `next`, unless it was sent or given up meanwhile.
    async fn failed(&self, mail: Uuid, error: &str, next: Stamp) -> Result<(), StoreError>;

    /// It was refused with `error`, which holds no secret, and is never due again.
    async fn given_up(&self, mail: Uuid, error: &str, now: Stamp) -> Result<(), StoreError>;

    /// How many wait.
    async fn queued(&self) -> Result<u64, StoreError>;
}

/// A mail with its link, ready to be rendered.
#[derive(Clone)]
pub struct Letter {
    /// The outbox id: the same at each attempt, for the `Message-ID`.
    pub id: Uuid,
    /// To whom.
    pub to: Email,
    /// What the receiver is called.
    pub name: Option<DisplayName>,
    /// What it says.
    pub template: Template,
    /// Where its button leads.
    pub link: Option<String>,
}

/// Why a mail was not accepted.
#[derive(Debug, Error)]
pub enum MailError {
    /// Trying again may help: the server can't be reached or said so (4xx).
    #[error("{0}")]
    Temporary(String),
    /// Trying again won't help: the server refused for good (5xx).
    #[error("{0}")]
    Permanent(String),
}

/// Hands mails over. An `Ok` means that the next hop answered for it.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one.
    async fn send(&self, letter: &Letter) -> Result<(), MailError>;
}

/// After how long a mail is tried again: `first`, doubled each time up to an hour; `None` after 57 attempts, which with 10 s first is
/// two days, or a refusal for good.
#[must_use]
pub fn retry_after(first: Duration, attempts: u32, error: &MailError) -> Option<Duration> {
    const MOST_ATTEMPTS: u32 = 56;
    if matches!(error, MailError::Permanent(_)) || attempts >= MOST_ATTEMPTS {
        return None;
    }
    let doubled = first.saturating_mul(1 << attempts.min(16));
    Some(doubled.min(Duration::from_hours(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_two_days_with_growing_pauses() {
        let (first, away) = (Duration::from_secs(10), MailError::Temporary("away".into()));
        assert_eq!(retry_after(first, 0, &away), Some(Duration::from_secs(10)));
        assert_eq!(retry_after(first, 3, &away), Some(Duration::from_secs(80)));
        assert_eq!(retry_after(first, 30, &away), Some(Duration::from_hours(1)));
        let whole: Duration = (0..).map_while(|attempts| retry_after(first, attempts, &away)).sum();
        assert!(whole > Duration::from_hours(46) && whole < Duration::from_hours(50), "{whole:?}");
        assert_eq!(retry_after(first, 0, &MailError::Permanent("no such user".into())), None);
    }
}
