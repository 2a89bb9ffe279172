//! What goes by mail: verifying an address, resetting the password, magic links, a new address.
//!
//! Whoever asks for a mail to an address learns nothing about whether there is an account: the answer is the same, and so is the
//! work, down to a token that no mail carries.

use super::{AccountService, Unproved};
use crate::account::{
    Email, EmailChange, HasherError, MagicLogIn, NewPassword, PasswordPolicy, PasswordReplacement, Proof,
    Purpose, User, WeakPassword,
};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::mail::Template;
use crate::session::{Device, EndReason, LoggedIn, Principal};

/// What became of a password reset.
#[derive(Debug)]
pub enum Reset {
    /// The password is set, and every session ended.
    Done,
    /// The token is unknown, used or expired.
    Invalid,
    /// The new password is refused; the token is still good.
    Weak(WeakPassword),
    /// The hasher could not answer; the token is still good.
    Hasher(HasherError),
}

/// What became of a magic link.
#[derive(Debug)]
pub enum MagicLink {
    /// The user is logged in.
    Done(LoggedIn),
    /// The token is unknown, used or expired.
    Invalid,
    /// The account is disabled.
    Disabled,
}

/// What became of a new address.
#[derive(Debug)]
pub enum EmailPatch {
    /// It is set, unverified; both addresses are told.
    Done(Box<User>),
    /// The user has a password, and it was not proved.
    Unproved(Unproved),
    /// The user has no password and has not logged in recently.
    LogInAgain,
    /// It belongs to another account.
    Taken,
    /// The user is gone, or the session has ended meanwhile.
    NoSuchUser,
}

impl AccountService {
    /// Sends the verification mail once more, unless the address is verified.
    pub async fn resend_verification(&self, user: &User) -> Result<(), StoreError> {
        let Some(email) = user.email.as_ref().filter(|_| !user.email_verified) else { return Ok(()) };
        let name = user.display_name.as_ref();
        let (purpose, template) = (Purpose::VerifyEmail, Template::VerifyEmail);
        let proof = self.proof(purpose, template, Some(user.id), email, name, self.now());
        self.parts.one_time.send(proof, self.now()).await
    }

    /// Takes the token of a verification mail; `None` where it is not good.
    pub async fn verify_email(&self, token: &str) -> Result<Option<User>, StoreError> {
        self.parts.one_time.verify_email(&self.parts.secrets.hash(token), self.now()).await
    }

    /// Sends a reset mail if there is such an account.
    pub async fn forgot_password(&self, email: &Email) -> Result<(), StoreError> {
        self.mail_if_known(email, Purpose::ResetPassword, Template::ResetPassword).await
    }

    async fn mail_if_known(
        &self,
        email: &Email,
        purpose: Purpose,
        template: Template,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let user = self.accounts.by_email(email).await?.filter(|user| user.is_active);
        let proof = match &user {
            // To the address as its user typed it at registration, not as somebody asks for it now.
            Some(user) => {
                let to = user.email.as_ref().unwrap_or(email);
                self.proof(purpose, template, Some(user.id), to, user.display_name.as_ref(), now)
            }
            None => Proof { token: self.token(purpose, None, email, now), mail: None },
        };
        self.parts.one_time.send(proof, now).await
    }

    /// Sets a new password on the token of a reset mail.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &str,
        policy: PasswordPolicy,
    ) -> Result<Reset, StoreError> {
        let hash = self.parts.secrets.hash(token);
        let Some(user) = self.parts.one_time.resettable(&hash, self.now()).await? else {
            return Ok(Reset::Invalid);
        };
        let password = match NewPassword::parse(password, user.email.as_ref(), policy) {
            Ok(password) => password,
            Err(weak) => return Ok(Reset::Weak(weak)),
        };
        let password = match self.hasher.hash(password).await {
            Ok(password) => password,
            Err(error) => return Ok(Reset::Hasher(error)),
        };
        let ending = self.sessions.ending(EndReason::PasswordReset, self.now());
        let new =
            PasswordReplacement { password, ending, notice: self.notice(&user, Template::PasswordChanged) };
        Ok(match self.parts.one_time.reset_password(&hash, new).await? {
            Some(ended) => {
                self.sessions.announce(&ended);
                Reset::Done
            }
            None => Reset::Invalid,
        })
    }

    /// Sends a magic link; the account is made when it is first used.
    pub async fn request_magic_link(&self, email: &Email) -> Result<(), StoreError> {
        let now = self.now();
        let user = self.accounts.by_email(email).await?;
        let name = user.as_ref().and_then(|user| user.display_name.as_ref());
        let id = user.as_ref().map(|user| user.id);
        let proof = self.proof(Purpose::MagicLink, Template::MagicLink, id, email, name, now);
        self.parts.one_time.send(proof, now).await
    }

    /// Logs in with the token of a magic link.
    pub async fn use_magic_link(&self, token: &str, device: Device) -> Result<MagicLink, StoreError> {
        let now = self.now();
        let new_user = UserId(self.fresh());
        let session = self.sessions.new_session(new_user, device, now);
        let ending = self.sessions.ending(EndReason::DeviceRevoked, now);
        let (hash, cap) = (self.parts.secrets.hash(token), self.sessions.session_cap());
        let outcome =
            self.parts.one_time.magic_log_in(&hash, new_user, session.new.clone(), cap, ending).await?;
        Ok(match outcome {
            MagicLogIn::Done(user, ended) => {
                self.sessions.announce(&ended);
                MagicLink::Done(self.sessions.logged_in(user, session.new.id, session.secret, now))
            }
            MagicLogIn::Invalid => MagicLink::Invalid,
            MagicLogIn::Disabled => MagicLink::Disabled,
        })
    }

    /// Gives the user another address, on the proof that they have: the password, or without one a recent login.
    pub async fn change_email(
        &self,
        principal: &Principal,
        email: Email,
        password: Option<&str>,
    ) -> Result<EmailPatch, StoreError> {
        let Some(user) = self.accounts.by_id(principal.user).await? else {
            return Ok(EmailPatch::NoSuchUser);
        };
        if let Some(hash) = user.password.clone() {
            if let Err(unproved) = self.prove(user.id, password, hash).await {
                return Ok(EmailPatch::Unproved(unproved));
            }
        } else if !self.sessions.proved_recently(principal).await? {
            return Ok(EmailPatch::LogInAgain);
        }
        let now = self.now();
        let name = user.display_name.as_ref();
        let (purpose, template) = (Purpose::VerifyEmail, Template::VerifyEmail);
        let proof = self.proof(purpose, template, Some(user.id), &email, name, now);
        let notice = self.notice(&user, Template::EmailChanged);
        let store = &self.parts.one_time;
        Ok(match store.change_email(user.id, principal.session, email, proof, notice, now).await? {
            EmailChange::Done(user) => EmailPatch::Done(user),
            EmailChange::Taken => EmailPatch::Taken,
            EmailChange::NoSuchUser | EmailChange::SessionEnded => EmailPatch::NoSuchUser,
        })
    }
}
