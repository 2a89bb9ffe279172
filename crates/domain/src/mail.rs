//! Emails, and the outbox that holds them until they are sent.
//!
//! An email is written in the transaction that causes it, and a worker sends it later, so that an
//! outage of the mail server loses nothing. Deliberately absent: the texts, and the links in plain
//! text. An email names its one-time token by id, and the worker derives the secret when it sends
//! the email, so that no table contains it. Absent too: the receiver's name. Anyone can register a
//! stranger's address with words of their choice as the name, and they would stand in the email.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

use crate::error::StoreError;
use crate::ids::{OneTimeTokenId, UserId};
use crate::time::Stamp;
use crate::user::{Email, User};

/// The kind of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Template {
    VerifyEmail,
    ResetPassword,
    MagicLink,
    /// Notifies the old address that the account has a new address.
    EmailChanged,
    PasswordChanged,
    /// A login at a provider now logs in to the account.
    ProviderLinked,
    ProviderUnlinked,
    /// The account and everything in it is deleted.
    AccountDeleted,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 8] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::MagicLink,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::ProviderLinked,
        Self::ProviderUnlinked,
        Self::AccountDeleted,
    ];

    /// The name of the template in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::MagicLink => "magic_link",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
            Self::ProviderLinked => "provider_linked",
            Self::ProviderUnlinked => "provider_unlinked",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// The page of the frontend that the email's link opens; `None` for an email without a link.
    #[must_use]
    pub const fn page(self) -> Option<&'static str> {
        match self {
            Self::VerifyEmail => Some("verify-email"),
            Self::ResetPassword => Some("reset-password"),
            Self::MagicLink => Some("magic-link"),
            Self::EmailChanged
            | Self::PasswordChanged
            | Self::ProviderLinked
            | Self::ProviderUnlinked
            | Self::AccountDeleted => None,
        }
    }

    /// How long before it was queued an email counts as due. Emails are sent in the order in which
    /// they became due, so one that somebody waits for, and whose link expires, overtakes the notices of
    /// the last hour: however many there are, they do not delay it. Notices that are older have waited
    /// long enough, so no flood of links keeps them back.
    #[must_use]
    pub const fn head_start(self) -> Duration {
        match self.page() {
            Some(_) => Duration::from_hours(1),
            None => Duration::ZERO,
        }
    }

    /// The template whose name in stores is `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == word)
    }
}

/// An email to be put into the outbox.
#[derive(Clone, Debug)]
pub struct NewMail {
    pub id: Uuid,
    /// The user whose account the email is about, if there is an account.
    pub user: Option<UserId>,
    pub to: Email,
    pub template: Template,
    /// The one-time token in the email's link.
    pub token: Option<OneTimeTokenId>,
    /// The names of the providers that the email mentions.
    pub providers: Vec<String>,
}

impl NewMail {
    /// Since when the email is due if it is queued at `now`: see [`Template::head_start`].
    #[must_use]
    pub fn due(&self, now: Stamp) -> Stamp {
        now.minus(self.template.head_start())
    }
}

/// A notice about a change of an account, to be sent to the address that the account has when the
/// change is written.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: Uuid,
    pub template: Template,
    /// The names of the providers that the email mentions.
    pub providers: Vec<String>,
}

impl Notice {
    /// The email to the user; `None` if the user has no verified address. An unverified one may
    /// belong to a stranger.
    #[must_use]
    pub fn to(&self, user: &User) -> Option<NewMail> {
        let Self { id, template, providers } = self.clone();
        let to = user.email.clone().filter(|_| user.email_verified)?;
        // The email outlives a deleted account.
        let owner = Some(user.id).filter(|_| template != Template::AccountDeleted);
        Some(NewMail { id, user: owner, to, template, token: None, providers })
    }
}

/// An email that a worker has claimed from the outbox.
#[derive(Clone, Debug)]
pub struct QueuedMail {
    pub mail: NewMail,
    /// How many attempts to send the email have failed.
    pub attempts: u32,
}

/// Stores the emails that wait to be sent. What causes an email stores it in the same transaction.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims up to `limit` unsent emails that are due at `now`, the longest due first, and makes each
    /// due again at `lease_until`. A new email is due since [`NewMail::due`]. Two workers MUST NOT claim the same mail, and a worker that dies MUST NOT
    /// lose one.
    async fn claim(&self, now: Stamp, lease_until: Stamp, limit: u32) -> Result<Vec<QueuedMail>, StoreError>;

    /// Records that the email was accepted. It is never due again.
    async fn sent(&self, mail: Uuid, now: Stamp) -> Result<(), StoreError>;

    /// Records a failed attempt. The email is due again at `next`, unless it was sent or abandoned
    /// in the meantime. `error` contains no secret.
    async fn failed(&self, mail: Uuid, error: &str, next: Stamp) -> Result<(), StoreError>;

    /// Records that the email is abandoned. It is never due again. `error` contains no secret.
    async fn abandoned(&self, mail: Uuid, error: &str, now: Stamp) -> Result<(), StoreError>;

    /// The number of emails that are still to be sent.
    async fn queued(&self) -> Result<u64, StoreError>;
}

/// An email with its link, ready to be rendered.
#[derive(Clone)]
pub struct OutgoingMail {
    /// The id in the outbox, which is the same at each attempt; for the `Message-ID`.
    pub id: Uuid,
    pub to: Email,
    pub template: Template,
    /// The URL of the email's button.
    pub link: Option<String>,
    /// The display names of the providers that the email mentions.
    pub providers: Vec<String>,
}

/// Why a mail server did not accept an email.
#[derive(Debug, Error)]
pub enum MailError {
    /// A later attempt may succeed: the server can't be reached or answered 4xx.
    #[error("{0}")]
    Temporary(String),
    /// A later attempt can't succeed: the server answered 5xx.
    #[error("{0}")]
    Permanent(String),
    /// The operator has turned emails off.
    #[error("mail is off")]
    Off,
}

/// Sends emails. `Ok` means that the next hop has taken responsibility for the email.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one email.
    async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError>;
}

/// The pause before the next attempt to send an email: `first`, doubled after each attempt, at most
/// an hour. `None` after a permanent error, while emails are off, or after 57 attempts, which is two days if `first` is 10 s.
#[must_use]
pub fn retry_after(first: Duration, attempts: u32, error: &MailError) -> Option<Duration> {
    const MOST_ATTEMPTS: u32 = 56;
    if matches!(error, MailError::Permanent(_) | MailError::Off) || attempts >= MOST_ATTEMPTS {
        return None;
    }
    let doubled = first.saturating_mul(1 << attempts.min(16));
    Some(doubled.min(Duration::from_hours(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_retried_for_two_days_with_growing_pauses() {
        let (first, away) = (Duration::from_secs(10), MailError::Temporary("away".into()));
        assert_eq!(retry_after(first, 0, &away), Some(Duration::from_secs(10)));
        assert_eq!(retry_after(first, 3, &away), Some(Duration::from_secs(80)));
        assert_eq!(retry_after(first, 30, &away), Some(Duration::from_hours(1)));
        let whole: Duration = (0..).map_while(|attempts| retry_after(first, attempts, &away)).sum();
        assert!(whole > Duration::from_hours(46) && whole < Duration::from_hours(50), "{whole:?}");
        assert_eq!(retry_after(first, 0, &MailError::Permanent("no such user".into())), None);
    }
}
