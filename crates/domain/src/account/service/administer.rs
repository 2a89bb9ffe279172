//! What an operator does with accounts, by the commands of the binary.

use std::sync::Arc;
use std::time::Duration;

use super::export::Export;
use super::invite::{Invitation, Invitations};
use crate::account::{AccountStore, NewUser, Registered};
use crate::error::StoreError;
use crate::ids::{OneTimeTokenId, SessionId, UserId};
use crate::instances::{Bus, Message};
use crate::mail::{Notice, Template};
use crate::one_time::{NewOneTimeToken, OneTimeSecrets, OneTimeStore, Purpose};
use crate::secret::SecretSource;
use crate::session::{EndReason, Ending, Session, SessionStore};
use crate::time::{Clock, Stamp};
use crate::todo::TodoStore;
use crate::user::{
    DisplayName, Email, HashedFor, HasherError, NewPassword, PasswordHasher, PasswordPolicy, User,
    WeakPassword,
};

/// No access token lives longer: see [`Ending::until`].
const LONGEST_ACCESS: Duration = Duration::from_hours(30 * 24 + 1);

/// The number of users on one page.
const PAGE: u32 = 200;

/// A link's token with which a user sets a new password once.
pub struct ResetToken {
    /// A secret: its holder may set the password.
    pub token: String,
    pub expires_at: Stamp,
}

/// The outcome of creating an account.
#[derive(Debug)]
pub enum CreationOutcome {
    Done(Box<User>),
    /// The address has an account already.
    Taken,
    Weak(WeakPassword),
    Hasher(HasherError),
}

/// Administers accounts. Only an operator has this service: it asks for no proof, charges no limit
/// and sends no request for confirmation. Running instances read the ends of sessions and accounts from
/// the store, at once if there is a bus to announce them.
pub struct Administration {
    pub accounts: Arc<dyn AccountStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub one_time: Arc<dyn OneTimeStore>,
    /// For the export.
    pub todos: Arc<dyn TodoStore>,
    /// To the running instances.
    pub bus: Option<Arc<dyn Bus>>,
    pub one_time_secrets: Arc<dyn OneTimeSecrets>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub secrets: Arc<dyn SecretSource>,
    pub clock: Arc<dyn Clock>,
}

impl Administration {
    /// The user with this id or address.
    pub async fn find(&self, name: &str) -> Result<Option<User>, StoreError> {
        match (name.parse::<UserId>(), Email::parse(name)) {
            (Ok(id), _) => self.accounts.by_id(id).await,
            (_, Ok(email)) => self.accounts.by_email(&email).await,
            _ => Ok(None),
        }
    }

    /// Calls `each` with every user, in the order of their ids.
    pub async fn list(&self, mut each: impl FnMut(&User)) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.accounts.list_users(after, PAGE).await?;
            page.iter().for_each(&mut each);
            match page.last() {
                Some(last) => after = Some(last.id),
                None => return Ok(()),
            }
        }
    }

    /// Creates an account. Without a password, it admits no login until one is [set](Self::reset).
    pub async fn create(
        &self,
        email: Email,
        display_name: Option<DisplayName>,
        password: Option<&str>,
        policy: PasswordPolicy,
    ) -> Result<CreationOutcome, StoreError> {
        // No policy refuses a long random text of all kinds of characters.
        let unknown = format!("Aa1-{}", self.one_time_secrets.derive(OneTimeTokenId(self.secrets.uuid())));
        let parsed = NewPassword::parse(password.unwrap_or(&unknown), Some(&email), policy);
        let password = match parsed {
            Ok(password) => match self.hasher.hash(password, &HashedFor::address(&email, None)).await {
                Ok(hash) => hash,
                Err(error) => return Ok(CreationOutcome::Hasher(error)),
            },
            Err(weak) => return Ok(CreationOutcome::Weak(weak)),
        };
        let id = UserId(self.secrets.uuid());
        let new = NewUser { id, email, password, display_name, verification: None, invitation: None };
        Ok(match self.accounts.register(new, None, self.clock.now()).await? {
            Registered::Done(user) => CreationOutcome::Done(user),
            Registered::EmailTaken | Registered::NotInvited => CreationOutcome::Taken,
        })
    }

    /// Invites the owner of an address. `None` if the address has an account already.
    pub async fn invite(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        let invitations = Invitations {
            accounts: self.accounts.clone(),
            one_time: self.one_time.clone(),
            one_time_secrets: self.one_time_secrets.clone(),
            secrets: self.secrets.clone(),
            clock: self.clock.clone(),
        };
        invitations.invite(email).await
    }

    /// Enables or disables an account. Returns whether it exists.
    pub async fn set_active(&self, user: UserId, active: bool) -> Result<bool, StoreError> {
        let exists = self.accounts.set_active(user, active, self.clock.now()).await?;
        self.announce(exists);
        Ok(exists)
    }

    /// Marks the address of the user as verified. Returns whether the user still has it.
    pub async fn verify(&self, user: UserId, email: &Email) -> Result<bool, StoreError> {
        self.accounts.mark_verified(user, email, self.clock.now()).await
    }

    /// Makes a token with which the user sets a new password once. The sessions end when it is used.
    pub async fn reset(&self, user: UserId, email: &Email) -> Result<ResetToken, StoreError> {
        let id = OneTimeTokenId(self.secrets.uuid());
        let token = self.one_time_secrets.derive(id);
        let expires_at = self.clock.now().plus(Purpose::ResetPassword.lifetime());
        let stored = NewOneTimeToken {
            id,
            purpose: Purpose::ResetPassword,
            hash: self.one_time_secrets.hash(&token),
            user: Some(user),
            payload: email.as_str().to_owned(),
            expires_at,
        };
        self.one_time.put(stored).await?;
        Ok(ResetToken { token, expires_at })
    }

    /// Deletes an account, and tells its address by an email. Returns whether it existed.
    pub async fn delete(&self, user: UserId) -> Result<bool, StoreError> {
        let id = self.secrets.uuid();
        let notice = Notice { id, template: Template::AccountDeleted, providers: Vec::new() };
        let ending = self.ending(EndReason::AccountDeleted);
        let existed = self.accounts.delete(user, None, notice, ending).await?.is_some();
        self.announce(existed);
        Ok(existed)
    }

    /// Exports everything stored about a user. `None` if the user does not exist.
    pub async fn export(&self, user: UserId) -> Result<Option<Export>, StoreError> {
        let records = self.accounts.records(user).await?;
        let started = self.clock.now();
        Ok(records.map(|records| Export::by_operator(records, self.todos.clone(), started)))
    }

    /// The user's live sessions, the last used first.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.sessions.live(user, self.clock.now()).await
    }

    /// Ends one session of the user, or all. Returns how many.
    pub async fn revoke(&self, user: UserId, session: Option<SessionId>) -> Result<usize, StoreError> {
        let ending = self.ending(EndReason::AdminRevoke);
        let ended = match session {
            Some(session) => usize::from(self.sessions.end(user, session, ending).await?.is_some()),
            None => self.sessions.end_all(user, None, ending).await?.len(),
        };
        self.announce(ended > 0);
        Ok(ended)
    }

    /// Tells the running instances to read which sessions and accounts they admit.
    fn announce(&self, changed: bool) {
        if let Some(bus) = self.bus.as_ref().filter(|_| changed) {
            bus.announce(Message::Revoked);
        }
    }

    fn ending(&self, reason: EndReason) -> Ending {
        let at = self.clock.now();
        Ending { reason, at, until: at.plus(LONGEST_ACCESS) }
    }
}
