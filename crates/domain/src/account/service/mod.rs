//! The use cases of accounts: register, prove an address, change or reset the password, leave.

mod mail_flows;
mod password;
mod proof;

pub use mail_flows::{EmailPatch, MagicLink, Reset};
pub use password::{KeepSession, PasswordChange};
pub use proof::Unproved;

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::{
    AccountRecords, AccountStore, DisplayName, Email, HasherError, NewOneTime, NewPassword, NewUser,
    OneTimeId, OneTimeSecrets, OneTimeStore, PasswordHash, PasswordHasher, Proof, Purpose, Registered, User,
};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::limits::{Charge, LimitKey, Quotas, RateLimiter, network};
use crate::mail::{NewMail, Template};
use crate::session::{Device, EndReason, LoggedIn, Principal, SessionService};
use crate::time::Stamp;

/// What became of a registration.
#[derive(Debug)]
pub enum Registration {
    /// The account exists and its user is logged in.
    Done(LoggedIn),
    /// The address belongs to an account already.
    EmailTaken,
    /// The hasher could not answer.
    Hasher(HasherError),
}

/// What became of a registration that opens no session.
#[derive(Debug)]
pub enum SignUp {
    /// The account exists.
    Done(Box<User>),
    /// The address belongs to an account already.
    EmailTaken,
    /// The hasher could not answer.
    Hasher(HasherError),
}

/// What became of a deletion.
#[derive(Debug)]
pub enum Deletion {
    /// Every row of the user is gone and every token dead.
    Done,
    /// The user has a password, and it was not proved.
    Unproved(Unproved),
    /// The user has no password and has not logged in recently.
    LogInAgain,
    /// The user is gone.
    NoSuchUser,
}

/// The ports an [`AccountService`] works with, beside those of the sessions.
#[derive(Clone)]
pub struct AccountParts {
    /// Where one-time tokens are kept.
    pub one_time: Arc<dyn OneTimeStore>,
    /// Derives them.
    pub secrets: Arc<dyn OneTimeSecrets>,
    /// How often mail may be asked for and a wrong password be offered; `None` counts nothing.
    pub quotas: Option<Quotas>,
}

/// Makes, changes and removes accounts.
#[derive(Clone)]
pub struct AccountService {
    accounts: Arc<dyn AccountStore>,
    hasher: Arc<dyn PasswordHasher>,
    limiter: Arc<dyn RateLimiter>,
    parts: AccountParts,
    sessions: SessionService,
}

impl AccountService {
    /// A service over `parts` and the ports that `sessions` works with.
    #[must_use]
    pub fn new(parts: AccountParts, sessions: SessionService) -> Self {
        let shared = sessions.parts();
        Self {
            accounts: shared.accounts.clone(),
            hasher: shared.hasher.clone(),
            limiter: shared.limiter.clone(),
            parts,
            sessions,
        }
    }

    /// The same service for a surface whose tokens live otherwise.
    #[must_use]
    pub fn with_sessions(&self, sessions: SessionService) -> Self {
        Self { sessions, ..self.clone() }
    }

    /// Makes an account and its first session, both or neither, with the mail that asks to verify the address.
    pub async fn register(
        &self,
        email: Email,
        password: NewPassword,
        display_name: Option<DisplayName>,
        device: Device,
    ) -> Result<Registration, StoreError> {
        let password = match self.hasher.hash(password).await {
            Ok(hash) => hash,
            Err(error) => return Ok(Registration::Hasher(error)),
        };
        let now = self.now();
        let user = self.new_user(email, password, display_name, now);
        let session = self.sessions.new_session(user.id, device, now);
        match self.accounts.register(user, Some(session.new.clone()), now).await? {
            Registered::Done(user) => {
                Ok(Registration::Done(self.sessions.logged_in(user, session.new.id, session.secret, now)))
            }
            Registered::EmailTaken => Ok(Registration::EmailTaken),
        }
    }

    /// Makes an account without a session, with the mail that asks to verify the address.
    pub async fn sign_up(&self, email: Email, password: NewPassword) -> Result<SignUp, StoreError> {
        let password = match self.hasher.hash(password).await {
            Ok(hash) => hash,
            Err(error) => return Ok(SignUp::Hasher(error)),
        };
        let now = self.now();
        let user = self.new_user(email, password, None, now);
        Ok(match self.accounts.register(user, None, now).await? {
            Registered::Done(user) => SignUp::Done(user),
            Registered::EmailTaken => SignUp::EmailTaken,
        })
    }

    fn new_user(
        &self,
        email: Email,
        password: PasswordHash,
        display_name: Option<DisplayName>,
        now: Stamp,
    ) -> NewUser {
        let id = UserId(self.fresh());
        let (purpose, template) = (Purpose::VerifyEmail, Template::VerifyEmail);
        let verification = self.proof(purpose, template, Some(id), &email, display_name.as_ref(), now);
        NewUser { id, email, password, display_name, verification: Some(verification) }
    }

    /// Charges a registration or a mail asked for to the network and to the address.
    pub async fn charge_mail(&self, email: &Email, ip: Option<IpAddr>) -> Result<(), Charge> {
        self.charge(ip.map(|ip| LimitKey::MailFrom(network(ip))), email).await
    }

    /// Charges a mail that a logged-in user asks for to the user and to the address: all users of one frontend's server come from one
    /// network.
    pub async fn charge_mail_of(&self, user: UserId, email: &Email) -> Result<(), Charge> {
        self.charge(Some(LimitKey::MailOf(user)), email).await
    }

    async fn charge(&self, by: Option<LimitKey>, email: &Email) -> Result<(), Charge> {
        let Some(quotas) = self.parts.quotas else { return Ok(()) };
        for key in by.into_iter().chain([LimitKey::MailTo(email.key().to_owned())]) {
            self.limiter.charge(&key, quotas.mail, self.now()).await.granted()?;
        }
        Ok(())
    }

    /// Removes the account, on the proof that its user has: the password, or without one a recent login.
    pub async fn delete(
        &self,
        principal: &Principal,
        password: Option<&str>,
    ) -> Result<Deletion, StoreError> {
        let Some(user) = self.accounts.by_id(principal.user).await? else { return Ok(Deletion::NoSuchUser) };
        if let Some(hash) = user.password {
            if let Err(unproved) = self.prove(user.id, password, hash).await {
                return Ok(Deletion::Unproved(unproved));
            }
        } else if !self.sessions.proved_recently(principal).await? {
            return Ok(Deletion::LogInAgain);
        }
        let ending = self.sessions.ending(EndReason::AccountDeleted, self.now());
        Ok(match self.accounts.delete(principal.user, principal.session, ending).await? {
            Some(ended) => {
                self.sessions.announce(&ended);
                Deletion::Done
            }
            None => Deletion::NoSuchUser,
        })
    }

    /// The user.
    pub async fn get(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.accounts.by_id(user).await
    }

    /// What is stored about the user besides the todos.
    pub async fn records(&self, user: UserId) -> Result<Option<AccountRecords>, StoreError> {
        self.accounts.records(user).await
    }

    /// Sets what the user is called; `None` when the user is gone.
    pub async fn rename(&self, user: UserId, name: Option<DisplayName>) -> Result<Option<User>, StoreError> {
        self.accounts.rename(user, name, self.now()).await
    }

    fn now(&self) -> Stamp {
        self.sessions.parts().clock.now()
    }

    fn fresh(&self) -> Uuid {
        self.sessions.parts().secrets.uuid()
    }

    /// A one-time token about `email`, and the mail that brings it there.
    fn proof(
        &self,
        purpose: Purpose,
        template: Template,
        user: Option<UserId>,
        email: &Email,
        name: Option<&DisplayName>,
        now: Stamp,
    ) -> Proof {
        let token = self.token(purpose, user, email, now);
        let mail = NewMail {
            id: self.fresh(),
            user,
            to: email.clone(),
            name: name.cloned(),
            template,
            token: Some(token.id),
        };
        Proof { token, mail: Some(mail) }
    }

    /// A mail that tells the user, at the address they have now, what became of the account.
    fn notice(&self, user: &User, template: Template) -> Option<NewMail> {
        let to = user.email.clone()?;
        let (id, name) = (self.fresh(), user.display_name.clone());
        Some(NewMail { id, user: Some(user.id), to, name, template, token: None })
    }

    fn token(&self, purpose: Purpose, user: Option<UserId>, email: &Email, now: Stamp) -> NewOneTime {
        let id = OneTimeId(self.fresh());
        let secret = self.parts.secrets.derive(id);
        NewOneTime {
            id,
            purpose,
            hash: self.parts.secrets.hash(&secret),
            user,
            payload: email.as_str().to_owned(),
            expires_at: now.plus(purpose.lifetime()),
        }
    }
}
