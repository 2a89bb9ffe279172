//! Registration with a password.

use super::{AccessPolicy, AccountService};
use crate::account::{NewUser, Registered};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::limits::Charge;
use crate::one_time::Purpose;
use crate::session::{Device, Login, Proof};
use crate::time::Stamp;
use crate::user::{DisplayName, Email, HasherError, NewPassword, PasswordHash, User};

/// The outcome of a registration.
#[derive(Debug)]
pub enum RegistrationOutcome<T> {
    Done(T),
    /// The address belongs to an account.
    EmailTaken,
    /// The operator has closed registration.
    Closed,
    /// The operator has turned passwords off.
    PasswordsOff,
    /// Too many registrations or emails from this network or to this address.
    Limited(Charge),
    Hasher(HasherError),
}

impl AccountService {
    /// Creates an account and its first session, both or neither, and queues the email that asks
    /// the user to verify the address.
    pub async fn register(
        &self,
        email: Email,
        password: NewPassword,
        display_name: Option<DisplayName>,
        device: Device,
    ) -> Result<RegistrationOutcome<Login>, StoreError> {
        if let Some(closed) = self.closed() {
            return Ok(closed);
        }
        if let Err(charge) = self.charge_mail(&email, device.ip, self.now()).await {
            return Ok(RegistrationOutcome::Limited(charge));
        }
        let password = match self.ports.hasher.hash(password).await {
            Ok(hash) => hash,
            Err(error) => return Ok(RegistrationOutcome::Hasher(error)),
        };
        let now = self.now();
        let user = self.new_user(email, password, display_name, now);
        let session = self.sessions.new_session(user.id, Proof::Registration, device, now);
        Ok(match self.ports.accounts.register(user, Some(session.new.clone()), now).await? {
            Registered::Done(user) => {
                RegistrationOutcome::Done(self.sessions.login(user, session.new.id, session.secret, now))
            }
            Registered::EmailTaken => RegistrationOutcome::EmailTaken,
        })
    }

    /// Creates an account without a session, and queues the email that asks the user to verify the
    /// address. `device` is the caller's, for the limits.
    pub async fn sign_up(
        &self,
        email: Email,
        password: NewPassword,
        device: &Device,
    ) -> Result<RegistrationOutcome<Box<User>>, StoreError> {
        if let Some(closed) = self.closed() {
            return Ok(closed);
        }
        if let Err(charge) = self.charge_mail(&email, device.ip, self.now()).await {
            return Ok(RegistrationOutcome::Limited(charge));
        }
        let password = match self.ports.hasher.hash(password).await {
            Ok(hash) => hash,
            Err(error) => return Ok(RegistrationOutcome::Hasher(error)),
        };
        let now = self.now();
        let user = self.new_user(email, password, None, now);
        Ok(match self.ports.accounts.register(user, None, now).await? {
            Registered::Done(user) => RegistrationOutcome::Done(user),
            Registered::EmailTaken => RegistrationOutcome::EmailTaken,
        })
    }

    const fn closed<T>(&self) -> Option<RegistrationOutcome<T>> {
        match self.policy {
            AccessPolicy { registration: false, .. } => Some(RegistrationOutcome::Closed),
            AccessPolicy { passwords: false, .. } => Some(RegistrationOutcome::PasswordsOff),
            AccessPolicy { .. } => None,
        }
    }

    fn new_user(
        &self,
        email: Email,
        password: PasswordHash,
        display_name: Option<DisplayName>,
        now: Stamp,
    ) -> NewUser {
        let id = UserId(self.new_id());
        let verification = self.email_token(Purpose::VerifyEmail, Some(id), &email, None, Vec::new(), now);
        NewUser { id, email, password, display_name, verification: Some(verification) }
    }
}
