//! Registration with a password.

use std::net::IpAddr;

use super::{AccessPolicy, AccountService, Registration};
use crate::account::{NewUser, Registered};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::limits::Charge;
use crate::one_time::Purpose;
use crate::session::{Device, Login, Proof, TokenHash};
use crate::time::Stamp;
use crate::user::{DisplayName, Email, HashedFor, HasherError, NewPassword, User};

/// The outcome of a registration.
#[derive(Debug)]
pub enum RegistrationOutcome<T> {
    Done(T),
    /// The address belongs to an account.
    EmailTaken,
    /// The operator has closed registration.
    Closed,
    /// Registration is by invitation, and the caller has none.
    InvitationNeeded,
    /// The invitation is unknown, used or expired, or was made for another address.
    NotInvited,
    /// The operator has turned passwords off.
    PasswordsOff,
    /// Too many registrations or emails from this network or to this address.
    Limited(Charge),
    Hasher(HasherError),
}

impl AccountService {
    /// Creates an account and its first session, both or neither, and queues the email that asks
    /// the user to verify the address. `invitation` is the token that the caller presents, if any.
    pub async fn register(
        &self,
        email: Email,
        password: NewPassword,
        display_name: Option<DisplayName>,
        invitation: Option<&str>,
        device: Device,
    ) -> Result<RegistrationOutcome<Login>, StoreError> {
        let (user, now) = match self.new_user(email, password, display_name, invitation, device.ip).await? {
            Ok(new) => new,
            Err(refused) => return Ok(refused),
        };
        let session = self.sessions.new_session(user.id, Proof::Registration, device, now);
        Ok(match self.ports.accounts.register(user, Some(session.new.clone()), now).await? {
            Registered::Done(user) => {
                RegistrationOutcome::Done(self.sessions.login(user, session.new.id, session.secret, now))
            }
            Registered::EmailTaken => RegistrationOutcome::EmailTaken,
            Registered::NotInvited => RegistrationOutcome::NotInvited,
        })
    }

    /// Creates an account without a session, and queues the email that asks the user to verify the
    /// address. `invitation` is the token that the caller presents, if any; `device` is the
    /// caller's, for the limits.
    pub async fn sign_up(
        &self,
        email: Email,
        password: NewPassword,
        invitation: Option<&str>,
        device: &Device,
    ) -> Result<RegistrationOutcome<Box<User>>, StoreError> {
        let (user, now) = match self.new_user(email, password, None, invitation, device.ip).await? {
            Ok(new) => new,
            Err(refused) => return Ok(refused),
        };
        Ok(match self.ports.accounts.register(user, None, now).await? {
            Registered::Done(user) => RegistrationOutcome::Done(user),
            Registered::EmailTaken => RegistrationOutcome::EmailTaken,
            Registered::NotInvited => RegistrationOutcome::NotInvited,
        })
    }

    /// The hash of the invitation that the registration needs, or why there can be none.
    fn admit<T>(&self, invitation: Option<&str>) -> Result<Option<TokenHash>, RegistrationOutcome<T>> {
        let AccessPolicy { registration, passwords, .. } = self.policy;
        match (registration, invitation) {
            (Registration::Closed, _) => Err(RegistrationOutcome::Closed),
            _ if !passwords => Err(RegistrationOutcome::PasswordsOff),
            (Registration::Open, _) => Ok(None),
            (Registration::Invite, None) => Err(RegistrationOutcome::InvitationNeeded),
            (Registration::Invite, Some(token)) => Ok(Some(self.ports.one_time_secrets.hash(token))),
        }
    }

    /// The account to create and when, or why none is created. The password is hashed last, for
    /// callers who may register.
    async fn new_user<T>(
        &self,
        email: Email,
        password: NewPassword,
        display_name: Option<DisplayName>,
        invitation: Option<&str>,
        ip: Option<IpAddr>,
    ) -> Result<Result<(NewUser, Stamp), RegistrationOutcome<T>>, StoreError> {
        let invitation = match self.admit(invitation) {
            Ok(invitation) => invitation,
            Err(refused) => return Ok(Err(refused)),
        };
        let now = self.now();
        if let Err(charge) = self.charge_registration(&email, ip, now).await {
            return Ok(Err(RegistrationOutcome::Limited(charge)));
        }
        if let Some(invitation) = &invitation
            && !self.ports.accounts.is_invited(invitation, &email, now).await?
        {
            return Ok(Err(RegistrationOutcome::NotInvited));
        }
        let password = match self.ports.hasher.hash(password, &HashedFor::address(&email, ip)).await {
            Ok(hash) => hash,
            Err(error) => return Ok(Err(RegistrationOutcome::Hasher(error))),
        };
        let (id, now) = (UserId(self.new_id()), self.now());
        let verification = self.email_token(Purpose::VerifyEmail, Some(id), &email, Vec::new(), now);
        let verification = Some(verification);
        Ok(Ok((NewUser { id, email, password, display_name, verification, invitation }, now)))
    }
}
