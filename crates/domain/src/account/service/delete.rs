//! Deletes the caller's account.

use super::{AccountService, NotVerified};
use crate::error::StoreError;
use crate::mail::Template;
use crate::session::{EndReason, Principal};

/// The outcome of a deletion.
#[derive(Debug)]
pub enum DeletionOutcome {
    /// The user is deleted, and every token is revoked. Rows of a large account may remain for a
    /// while: see [`AccountService::delete_remains`].
    Done,
    NotVerified(NotVerified),
    /// The account was deleted before.
    NoSuchUser,
    /// The session has ended in the meantime.
    SessionEnded,
}

impl AccountService {
    /// Deletes the caller's account if the password is right or, for an account without a password,
    /// if the login is recent. An email tells the owner.
    pub async fn delete(
        &self,
        principal: &Principal,
        password: Option<&str>,
    ) -> Result<DeletionOutcome, StoreError> {
        let Some(user) = self.ports.accounts.by_id(principal.user).await? else {
            return Ok(DeletionOutcome::NoSuchUser);
        };
        if let Err(reason) = self.verify_identity(principal, &user, password).await? {
            return Ok(DeletionOutcome::NotVerified(reason));
        }
        let ending = self.sessions.ending(EndReason::AccountDeleted, self.now());
        let notice = self.notice(Template::AccountDeleted, Vec::new());
        Ok(match self.ports.accounts.delete(principal.user, principal.session, notice, ending).await? {
            Some(ended) => {
                self.sessions.announce(&ended);
                DeletionOutcome::Done
            }
            None if self.ports.accounts.by_id(principal.user).await?.is_some() => {
                DeletionOutcome::SessionEnded
            }
            None => DeletionOutcome::NoSuchUser,
        })
    }

    /// Continues deletions, also those that an earlier process began: deletes up to `limit` rows
    /// that remain of a deleted user. Returns how many; 0 means that nothing remains of anybody.
    pub async fn delete_remains(&self, limit: u32) -> Result<u64, StoreError> {
        self.ports.accounts.delete_remains(limit).await
    }
}
