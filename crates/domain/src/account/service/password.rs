//! Changing the password from a session that knows it.

use super::{AccountService, Unproved};
use crate::account::{
    HasherError, NewPassword, PasswordPolicy, PasswordReplacement, PasswordSet, WeakPassword,
};
use crate::error::StoreError;
use crate::mail::Template;
use crate::session::{EndReason, Principal};

/// Which sessions live on after a change of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepSession {
    /// The one that changed it.
    Own,
    /// None.
    None,
}

/// What became of a new password.
#[derive(Debug)]
pub enum PasswordChange {
    /// It is set, and the other sessions ended.
    Done,
    /// The current password was not proved; who has none can't.
    Unproved(Unproved),
    /// The new password is the current one.
    Unchanged,
    /// The new password is refused.
    Weak(WeakPassword),
    /// The hasher could not hash the new one.
    Hasher(HasherError),
    /// The user is gone.
    NoSuchUser,
}

impl AccountService {
    /// Replaces the password of whoever proves the current one.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: &str,
        new: &str,
        policy: PasswordPolicy,
        keep: KeepSession,
    ) -> Result<PasswordChange, StoreError> {
        let Some(user) = self.accounts.by_id(principal.user).await? else {
            return Ok(PasswordChange::NoSuchUser);
        };
        let Some(old) = user.password.clone() else { return Ok(PasswordChange::Unproved(Unproved::Wrong)) };
        if let Err(unproved) = self.prove(user.id, Some(current), old.clone()).await {
            return Ok(PasswordChange::Unproved(unproved));
        }
        if current == new {
            return Ok(PasswordChange::Unchanged);
        }
        let new = match NewPassword::parse(new, user.email.as_ref(), policy) {
            Ok(new) => new,
            Err(weak) => return Ok(PasswordChange::Weak(weak)),
        };
        let password = match self.hasher.hash(new).await {
            Ok(password) => password,
            Err(error) => return Ok(PasswordChange::Hasher(error)),
        };
        let ending = self.sessions.ending(EndReason::PasswordChange, self.now());
        let keep = principal.session.filter(|_| keep == KeepSession::Own);
        // To an address that nobody has verified, it would be a mail to a stranger.
        let notice = if user.email_verified { self.notice(&user, Template::PasswordChanged) } else { None };
        let new = PasswordReplacement { password, ending, notice };
        Ok(match self.accounts.set_password(user.id, &old, new, keep).await? {
            PasswordSet::Done(ended) => {
                self.sessions.announce(&ended);
                PasswordChange::Done
            }
            PasswordSet::Changed => PasswordChange::Unproved(Unproved::Wrong),
        })
    }
}
