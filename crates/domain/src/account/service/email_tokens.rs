//! Tokens sent by email: address verification and password reset.
//!
//! The response to a request for an email does not reveal whether the address has an account. The
//! server does the same work in both cases: without an account, it stores a token that no email
//! carries.

use std::net::IpAddr;

use super::AccountService;
use crate::error::StoreError;
use crate::ids::UserId;
use crate::limits::Charge;
use crate::mail::Template;
use crate::one_time::{EmailToken, PasswordReplacement, Purpose};
use crate::session::EndReason;
use crate::user::{Email, HashedFor, HasherError, NewPassword, PasswordPolicy, User, WeakPassword};

/// The outcome of a request for an email.
#[derive(Debug)]
pub enum MailOutcome {
    /// The email is queued, if one is due.
    Accepted,
    /// The caller's account does not exist.
    NoSuchUser,
    /// The operator has turned passwords off.
    PasswordsOff,
    /// The operator has turned emails off.
    Off,
    /// Too many emails to this address, or requested by this network or user.
    Limited(Charge),
}

/// The outcome of a password reset.
#[derive(Debug)]
pub enum PasswordResetOutcome {
    /// The password is set, and every session has ended.
    Done,
    /// The token is unknown, used or expired.
    Invalid,
    /// The operator has turned passwords off.
    PasswordsOff,
    /// The new password is refused; the token stays valid.
    Weak(WeakPassword),
    /// The hasher failed; the token stays valid.
    Hasher(HasherError),
}

impl AccountService {
    /// Queues the verification email again, unless the address is verified.
    pub async fn resend_verification(&self, user: UserId) -> Result<MailOutcome, StoreError> {
        if !self.policy.mail {
            return Ok(MailOutcome::Off);
        }
        let Some(user) = self.ports.accounts.by_id(user).await? else { return Ok(MailOutcome::NoSuchUser) };
        let Some(email) = &user.email else { return Ok(MailOutcome::Accepted) };
        let now = self.now();
        if let Err(charge) = self.charge_mail_of(user.id, email, now).await {
            return Ok(MailOutcome::Limited(charge));
        }
        if !user.email_verified {
            let token = self.email_token(Purpose::VerifyEmail, Some(user.id), email, Vec::new(), now);
            self.ports.one_time.send(token, now).await?;
        }
        Ok(MailOutcome::Accepted)
    }

    /// Consumes the token of a verification email. `None` if it is not valid.
    pub async fn verify_email(&self, token: &str) -> Result<Option<User>, StoreError> {
        self.ports.one_time.verify_email(&self.ports.one_time_secrets.hash(token), self.now()).await
    }

    /// Queues a reset email if there is an account with this address. `ip` is the caller's, for the
    /// limits.
    pub async fn forgot_password(
        &self,
        email: &Email,
        ip: Option<IpAddr>,
    ) -> Result<MailOutcome, StoreError> {
        if !self.policy.passwords {
            return Ok(MailOutcome::PasswordsOff);
        }
        if !self.policy.mail {
            return Ok(MailOutcome::Off);
        }
        let now = self.now();
        if let Err(charge) = self.charge_mail(email, ip, now).await {
            return Ok(MailOutcome::Limited(charge));
        }
        let purpose = Purpose::ResetPassword;
        let user = self.ports.accounts.by_email(email).await?.filter(|user| user.is_active);
        // Asked for an unknown address too, for the same time.
        let id = user.as_ref().map_or_else(|| UserId(self.new_id()), |user| user.id);
        let providers = self.ports.identities.providers(id).await?;
        let token = match &user {
            // The email goes to the address as the user registered it, not as this caller spells
            // it.
            Some(user) => {
                let to = user.email.as_ref().unwrap_or(email);
                self.email_token(purpose, Some(user.id), to, providers, now)
            }
            None => EmailToken { token: self.one_time_token(purpose, None, email, now), mail: None },
        };
        self.ports.one_time.send(token, now).await?;
        Ok(MailOutcome::Accepted)
    }

    /// Consumes the token of a reset email, and sets a new password. With `unlink`, removes the
    /// user's identities at providers and issuers.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &str,
        policy: PasswordPolicy,
        unlink: bool,
    ) -> Result<PasswordResetOutcome, StoreError> {
        if !self.policy.passwords {
            return Ok(PasswordResetOutcome::PasswordsOff);
        }
        let hash = self.ports.one_time_secrets.hash(token);
        let Some(user) = self.ports.one_time.resettable(&hash, self.now()).await? else {
            return Ok(PasswordResetOutcome::Invalid);
        };
        let password = match NewPassword::parse(password, user.email.as_ref(), policy) {
            Ok(password) => password,
            Err(weak) => return Ok(PasswordResetOutcome::Weak(weak)),
        };
        let password = match self.ports.hasher.hash(password, &HashedFor::user(&user)).await {
            Ok(password) => password,
            Err(error) => return Ok(PasswordResetOutcome::Hasher(error)),
        };
        let ending = self.sessions.ending(EndReason::PasswordReset, self.now());
        // A takeover removes every identity too.
        let stays = user.email_verified && !unlink;
        let providers = if stays { self.ports.identities.providers(user.id).await? } else { Vec::new() };
        // The token proves the address.
        let proved = User { email_verified: true, ..user };
        let notice = self.notice(Template::PasswordChanged, providers).to(&proved);
        let new = PasswordReplacement { password, ending, notice, unlink };
        Ok(match self.ports.one_time.reset_password(&hash, new).await? {
            Some(ended) => {
                self.sessions.announce(&ended);
                PasswordResetOutcome::Done
            }
            None => PasswordResetOutcome::Invalid,
        })
    }
}
