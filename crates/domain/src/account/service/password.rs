//! Changes the password within a session.

use super::{AccountService, NotVerified};
use crate::account::{KeepSession, PasswordSet};
use crate::error::StoreError;
use crate::mail::Template;
use crate::one_time::PasswordReplacement;
use crate::session::{EndReason, Principal};
use crate::user::{HashedFor, HasherError, NewPassword, PasswordPolicy, WeakPassword};

/// The outcome of a change of the password.
#[derive(Debug)]
pub enum PasswordChangeOutcome {
    /// The password is set, and the other sessions have ended.
    Done,
    /// The current password is missing or wrong. Accounts without a password always get this.
    NotVerified(NotVerified),
    /// The operator has turned passwords off.
    PasswordsOff,
    /// The new password is the current one.
    Unchanged,
    Weak(WeakPassword),
    Hasher(HasherError),
    /// The account was deleted.
    NoSuchUser,
    /// The session has ended in the meantime.
    SessionEnded,
}

impl AccountService {
    /// Replaces the password if `current` is right.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: &str,
        new: &str,
        policy: PasswordPolicy,
        keep: KeepSession,
    ) -> Result<PasswordChangeOutcome, StoreError> {
        if !self.policy.passwords {
            return Ok(PasswordChangeOutcome::PasswordsOff);
        }
        let Some(user) = self.ports.accounts.by_id(principal.user).await? else {
            return Ok(PasswordChangeOutcome::NoSuchUser);
        };
        let Some(old) = user.password.clone() else {
            return Ok(PasswordChangeOutcome::NotVerified(NotVerified::Wrong));
        };
        if let Err(reason) = self.verify_password(&user, Some(current), old.clone()).await {
            return Ok(PasswordChangeOutcome::NotVerified(reason));
        }
        if current == new {
            return Ok(PasswordChangeOutcome::Unchanged);
        }
        let new = match NewPassword::parse(new, user.email.as_ref(), policy) {
            Ok(new) => new,
            Err(weak) => return Ok(PasswordChangeOutcome::Weak(weak)),
        };
        if let Err(limited) = self.charge_change(user.id).await {
            return Ok(PasswordChangeOutcome::NotVerified(limited));
        }
        let password = match self.ports.hasher.hash(new, &HashedFor::user(&user)).await {
            Ok(password) => password,
            Err(error) => return Ok(PasswordChangeOutcome::Hasher(error)),
        };
        let ending = self.sessions.ending(EndReason::PasswordChange, self.now());
        let providers = self.ports.identities.providers(user.id).await?;
        let notice = self.notice(Template::PasswordChanged, providers).to(&user);
        let new = PasswordReplacement { password, ending, notice, unlink: false };
        Ok(match self.ports.accounts.set_password(user.id, &old, new, principal.session, keep).await? {
            PasswordSet::Done(ended) => {
                self.sessions.announce(&ended);
                PasswordChangeOutcome::Done
            }
            PasswordSet::Changed => PasswordChangeOutcome::NotVerified(NotVerified::Wrong),
            PasswordSet::SessionEnded => PasswordChangeOutcome::SessionEnded,
        })
    }
}
