//! Verifies the user's identity within a session, for operations that a stolen access token must
//! not authorise.

use super::AccountService;
use super::attempt::Verdict;
use crate::error::StoreError;
use crate::ids::UserId;
use crate::limits::{Charge, LimitKey};
use crate::session::{NewSession, Principal, RecentLogin};
use crate::time::Stamp;
use crate::user::{HashedFor, HasherError, PasswordHash, User, Verified, verify};

/// Why the identity of an authenticated user is not verified.
#[derive(Debug)]
pub enum NotVerified {
    /// The account has a password and none was given.
    Missing,
    Wrong,
    /// Too many earlier passwords were wrong or right, or too many changes were made.
    Limited(Charge),
    Hasher(HasherError),
    /// The account has no password, or passwords are off, and the session was not opened recently.
    LogInAgain,
    /// The password is right but too new, or the session was opened recently with an identity, address
    /// or password that is. It counts from then on.
    TooNew(Stamp),
}

impl AccountService {
    /// The password that logs the user in. While passwords are off, one that is stored can neither be
    /// reset nor changed, so it proves nothing.
    pub(super) fn password_of(&self, user: &User) -> Option<PasswordHash> {
        user.password.clone().filter(|_| self.policy.passwords)
    }

    /// Verifies the identity of the caller, whose account is `user`: by the password or, if the
    /// account has none, by a recent login.
    pub(super) async fn verify_identity(
        &self,
        principal: &Principal,
        user: &User,
        password: Option<&str>,
    ) -> Result<Result<(), NotVerified>, StoreError> {
        if let Some(hash) = self.password_of(user) {
            return Ok(self.prove_by_password(user, password, hash).await);
        }
        Ok(match self.sessions.recent_login(principal).await? {
            RecentLogin::Yes => Ok(()),
            RecentLogin::No => Err(NotVerified::LogInAgain),
            RecentLogin::NotBefore(stamp) => Err(NotVerified::TooNew(stamp)),
        })
    }

    /// Verifies the identity of the caller, whose account is `user`: by the password, if one is
    /// given and the account has one, or else by a recent login.
    pub(super) async fn verify_password_or_login(
        &self,
        principal: &Principal,
        user: &User,
        password: Option<&str>,
    ) -> Result<Result<(), NotVerified>, StoreError> {
        let hash = self.password_of(user);
        let has_password = hash.is_some();
        if let (Some(password), Some(hash)) = (password, hash) {
            return Ok(self.prove_by_password(user, Some(password), hash).await);
        }
        Ok(match self.sessions.recent_login(principal).await? {
            RecentLogin::Yes => Ok(()),
            _ if has_password => Err(NotVerified::Missing),
            RecentLogin::No => Err(NotVerified::LogInAgain),
            RecentLogin::NotBefore(stamp) => Err(NotVerified::TooNew(stamp)),
        })
    }

    /// Charges a change of how the account logs in, once the caller is verified: nobody else can use
    /// up the limit.
    pub(super) async fn charge_change(&self, user: UserId) -> Result<(), NotVerified> {
        let charged = self.ports.limits.charge(&LimitKey::ChangeOf(user), self.now()).await;
        charged.map_err(NotVerified::Limited)
    }

    /// Verifies the password, which must also be old enough to prove whose the account is: whoever
    /// reads the mailbox can reset it.
    async fn prove_by_password(
        &self,
        user: &User,
        password: Option<&str>,
        hash: PasswordHash,
    ) -> Result<(), NotVerified> {
        self.verify_password(user, password, hash).await?;
        match NewSession::password_counts_from(user).filter(|from| *from > self.now()) {
            Some(from) => Err(NotVerified::TooNew(from)),
            None => Ok(()),
        }
    }

    /// Compares the password that an authenticated caller sent with the user's.
    ///
    /// Wrong passwords are limited by account as failed logins are, and right ones together with
    /// the logins.
    pub(super) async fn verify_password(
        &self,
        user: &User,
        password: Option<&str>,
        hash: PasswordHash,
    ) -> Result<(), NotVerified> {
        let Some(password) = password else { return Err(NotVerified::Missing) };
        let on_behalf = HashedFor::user(user);
        let attempt = self.begin_attempt(vec![LimitKey::PasswordOf(user.id)], &on_behalf).await;
        let attempt = attempt.map_err(NotVerified::Limited)?;
        let (verdict, answer) = match verify(&*self.ports.hasher, password, Some(hash), &on_behalf).await {
            Ok(Verified::Correct | Verified::NeedsRehash) => (Verdict::Right, Ok(())),
            Ok(Verified::Incorrect) => (Verdict::Wrong, Err(NotVerified::Wrong)),
            Err(error) => (Verdict::Unknown, Err(NotVerified::Hasher(error))),
        };
        attempt.end(verdict).await;
        answer
    }
}
