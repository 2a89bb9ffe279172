//! The use cases of accounts. Each method charges the limits, queues the emails and announces the
//! revocations of its use case.

mod administer;
mod attempt;
mod delete;
mod email_tokens;
mod export;
mod invite;
mod log_in;
mod magic_link;
mod mails;
mod password;
mod profile;
mod providers;
mod register;
mod verify_password;

pub use administer::{Administration, CreationOutcome, ResetToken};
pub use delete::DeletionOutcome;
pub use email_tokens::{MailOutcome, PasswordResetOutcome};
pub use export::{Export, ExportError, ExportPart};
pub use invite::{Invitation, Invitations};
pub use log_in::{Credentials, LoginOutcome};
pub use magic_link::MagicLinkOutcome;
pub use password::PasswordChangeOutcome;
pub use profile::{Profile, ProfileOutcome, ProfileUpdate};
pub use providers::{LinkStart, UnlinkOutcome};
pub use register::RegistrationOutcome;
pub use verify_password::NotVerified;

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::AccountStore;
use crate::identity::{IdentityService, IdentityStore};
use crate::ids::UserId;
use crate::limits::{Charge, LimitKey, RateLimits, network};
use crate::one_time::{OneTimeSecrets, OneTimeStore};
use crate::secret::SecretSource;
use crate::session::SessionService;
use crate::time::{Clock, Stamp};
use crate::todo::TodoStore;
use crate::user::{Email, PasswordHasher};

/// The ports of an [`AccountService`].
#[derive(Clone)]
pub struct AccountPorts {
    pub accounts: Arc<dyn AccountStore>,
    pub identities: Arc<dyn IdentityStore>,
    pub one_time: Arc<dyn OneTimeStore>,
    /// For the export.
    pub todos: Arc<dyn TodoStore>,
    pub one_time_secrets: Arc<dyn OneTimeSecrets>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub limits: RateLimits,
    pub secrets: Arc<dyn SecretSource>,
    pub clock: Arc<dyn Clock>,
}

/// The ways into the service that an operator can close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Who may create an account. Subjects of external issuers always may.
    pub registration: Registration,
    /// Whether a password logs in. Without it no password can be set either.
    pub passwords: bool,
    /// Whether the server sends emails. Without them, only the requests whose purpose is an email
    /// are refused.
    pub mail: bool,
}

/// Who may create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everyone: with a password, by a link in an email or by a login at a provider.
    Open,
    /// Owners of an [`Invitation`], with a password.
    Invite,
    /// No one.
    Closed,
}

impl Default for AccessPolicy {
    /// Everything is open.
    fn default() -> Self {
        Self { registration: Registration::Open, passwords: true, mail: true }
    }
}

/// Creates, changes and deletes accounts, and logs their users in.
#[derive(Clone)]
pub struct AccountService {
    ports: AccountPorts,
    sessions: SessionService,
    identities: IdentityService,
    policy: AccessPolicy,
    /// Whether registrations and requested emails are limited.
    limits_mail: bool,
}

impl AccountService {
    /// Creates a service whose logins open sessions through `sessions`, and which links providers
    /// through `identities`.
    #[must_use]
    pub fn new(ports: AccountPorts, sessions: SessionService, identities: IdentityService) -> Self {
        Self { ports, sessions, identities, policy: AccessPolicy::default(), limits_mail: true }
    }

    /// Returns the same service under an operator's policy. The identity service has its own.
    #[must_use]
    pub fn with_policy(self, policy: AccessPolicy) -> Self {
        Self { policy, ..self }
    }

    /// The operator's policy.
    #[must_use]
    pub const fn policy(&self) -> AccessPolicy {
        self.policy
    }

    /// Returns the same service for an API surface with other token lifetimes.
    #[must_use]
    pub fn with_sessions(&self, sessions: SessionService) -> Self {
        Self { sessions, ..self.clone() }
    }

    /// Returns the same service without limits on registrations and on the emails that unauthenticated
    /// callers request: for a developer on the machine that the server runs on.
    #[must_use]
    pub fn without_mail_limits(&self) -> Self {
        Self { limits_mail: false, ..self.clone() }
    }

    fn now(&self) -> Stamp {
        self.ports.clock.now()
    }

    fn new_id(&self) -> Uuid {
        self.ports.secrets.uuid()
    }

    /// Charges a registration to the network and the address.
    async fn charge_registration(&self, email: &Email, ip: Option<IpAddr>, now: Stamp) -> Result<(), Charge> {
        self.charge_anonymous(ip.map(network).map(LimitKey::RegistrationFrom), email, now).await
    }

    /// Charges an email that an unauthenticated caller requests to the network and the address.
    async fn charge_mail(&self, email: &Email, ip: Option<IpAddr>, now: Stamp) -> Result<(), Charge> {
        self.charge_anonymous(ip.map(network).map(LimitKey::MailFrom), email, now).await
    }

    async fn charge_anonymous(
        &self,
        from: Option<LimitKey>,
        email: &Email,
        now: Stamp,
    ) -> Result<(), Charge> {
        if !self.limits_mail {
            return Ok(());
        }
        if let Some(from) = from {
            self.ports.limits.charge(&from, now).await?;
        }
        self.ports.limits.charge(&mail_to(email), now).await
    }

    /// Charges an email that an authenticated caller requests to the user and the address. The
    /// network is not charged, because a frontend's server sends the requests of all its users.
    async fn charge_mail_of(&self, user: UserId, email: &Email, now: Stamp) -> Result<(), Charge> {
        self.ports.limits.charge(&LimitKey::MailOf(user), now).await?;
        self.ports.limits.charge(&mail_to(email), now).await
    }
}

fn mail_to(email: &Email) -> LimitKey {
    LimitKey::MailTo(email.key().to_owned())
}
