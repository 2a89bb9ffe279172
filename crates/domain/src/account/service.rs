//! The use cases of accounts: register, change the password, look at and rename oneself.

use std::sync::Arc;

use super::{
    AccountStore, DisplayName, Email, HasherError, NewPassword, NewUser, PasswordHasher, PasswordPolicy,
    PasswordSet, Registered, User, Verified, WeakPassword,
};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::session::{Device, EndReason, LoggedIn, Principal, SessionService};

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

/// What became of a new password.
#[derive(Debug)]
pub enum PasswordChange {
    /// It is set, and every other session ended.
    Done,
    /// The current password given is not the current one, or the user has none.
    CurrentWrong,
    /// The new password is the current one.
    Unchanged,
    /// The new password is refused.
    Weak(WeakPassword),
    /// The hasher could not answer.
    Hasher(HasherError),
    /// The user is gone.
    NoSuchUser,
}

/// Makes and changes accounts.
#[derive(Clone)]
pub struct AccountService {
    accounts: Arc<dyn AccountStore>,
    hasher: Arc<dyn PasswordHasher>,
    sessions: SessionService,
}

impl AccountService {
    /// A service over the ports that `sessions` works with.
    #[must_use]
    pub fn new(sessions: SessionService) -> Self {
        let parts = sessions.parts();
        Self { accounts: parts.accounts.clone(), hasher: parts.hasher.clone(), sessions }
    }

    /// Makes an account and its first session, both or neither.
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
        let parts = self.sessions.parts();
        let now = parts.clock.now();
        let id = UserId(parts.secrets.uuid());
        let session = self.sessions.new_session(device, now);
        let user = NewUser { id, email, password, display_name };
        match self.accounts.register(user, Some(session.new.clone()), now).await? {
            Registered::Done(user) => {
                Ok(Registration::Done(self.sessions.logged_in(user, session.new.id, session.secret, now)))
            }
            Registered::EmailTaken => Ok(Registration::EmailTaken),
        }
    }

    /// Replaces the password of whoever proves the current one.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: &str,
        new: &str,
        policy: PasswordPolicy,
    ) -> Result<PasswordChange, StoreError> {
        let Some(user) = self.accounts.by_id(principal.user).await? else {
            return Ok(PasswordChange::NoSuchUser);
        };
        let Some(old) = user.password else {
            return Ok(PasswordChange::CurrentWrong);
        };
        match self.hasher.verify(current, Some(old.clone())).await {
            Ok(Verified::Wrong) => return Ok(PasswordChange::CurrentWrong),
            Ok(Verified::Right | Verified::RightButWeak) => {}
            Err(error) => return Ok(PasswordChange::Hasher(error)),
        }
        if current == new {
            return Ok(PasswordChange::Unchanged);
        }
        let new = match NewPassword::parse(new, user.email.as_ref(), policy) {
            Ok(new) => new,
            Err(weak) => return Ok(PasswordChange::Weak(weak)),
        };
        let hash = match self.hasher.hash(new).await {
            Ok(hash) => hash,
            Err(error) => return Ok(PasswordChange::Hasher(error)),
        };
        let parts = self.sessions.parts();
        let ending = self.sessions.ending(EndReason::PasswordChange, parts.clock.now());
        let set = self.accounts.set_password(user.id, &old, hash, Some(principal.session), ending).await?;
        match set {
            PasswordSet::Done(ended) => {
                parts.revocations.add(&ended);
                Ok(PasswordChange::Done)
            }
            PasswordSet::Changed => Ok(PasswordChange::CurrentWrong),
        }
    }

    /// The user.
    pub async fn get(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.accounts.by_id(user).await
    }

    /// Sets what the user is called; `None` when the user is gone.
    pub async fn rename(&self, user: UserId, name: Option<DisplayName>) -> Result<Option<User>, StoreError> {
        self.accounts.rename(user, name, self.sessions.parts().clock.now()).await
    }
}
