//! The profile: the address, the name, and how the user logs in.

use super::{AccountService, NotVerified};
use crate::account::{EmailChange, ProfileChange, ProfileChanged};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::limits::Charge;
use crate::mail::Template;
use crate::one_time::Purpose;
use crate::session::Principal;
use crate::user::{DisplayName, Email, User};

/// A user, with the sorted names of the providers and issuers of the user's identities.
#[derive(Clone, Debug)]
pub struct Profile {
    pub user: User,
    /// Whether the user can log in with a password.
    pub has_password: bool,
    pub providers: Vec<String>,
}

/// The changes that a user requests.
#[derive(Debug, Default)]
pub struct ProfileUpdate {
    /// `None` keeps the name, `Some(None)` clears it.
    pub display_name: Option<Option<DisplayName>>,
    pub email: Option<Email>,
    /// The current password, which a new address needs if the account has one.
    pub password: Option<String>,
}

/// The outcome of an update. If it is not `Done`, nothing was written.
#[derive(Debug)]
pub enum ProfileOutcome {
    /// A new address is not verified and receives an email, and so does an old one that is
    /// verified.
    Done(Profile),
    NotVerified(NotVerified),
    /// Too many emails to this address or requested by this user.
    Limited(Charge),
    /// The address belongs to another account.
    EmailTaken,
    /// The account was deleted.
    NoSuchUser,
    /// The session has ended in the meantime.
    SessionEnded,
}

impl AccountService {
    /// The user's profile.
    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, StoreError> {
        match self.ports.accounts.by_id(user).await? {
            Some(user) => Ok(Some(self.profile_of(user).await?)),
            None => Ok(None),
        }
    }

    async fn profile_of(&self, user: User) -> Result<Profile, StoreError> {
        let providers = self.ports.identities.providers(user.id).await?;
        Ok(Profile { has_password: self.password_of(&user).is_some(), user, providers })
    }

    /// Updates the caller's profile: all of the changes take effect, or none. A new address that
    /// differs from the current one requires the password or, if the account has none, a recent
    /// login.
    pub async fn update_profile(
        &self,
        principal: &Principal,
        update: ProfileUpdate,
    ) -> Result<ProfileOutcome, StoreError> {
        let ProfileUpdate { display_name, email, password } = update;
        let Some(user) = self.ports.accounts.by_id(principal.user).await? else {
            return Ok(ProfileOutcome::NoSuchUser);
        };
        let now = self.now();
        let email = match email.filter(|email| user.email.as_ref() != Some(email)) {
            Some(email) => {
                if let Err(charge) = self.charge_mail_of(user.id, &email, now).await {
                    return Ok(ProfileOutcome::Limited(charge));
                }
                let verified = self.verify_identity(principal, &user, password.as_deref()).await?;
                if let Err(reason) = verified {
                    return Ok(ProfileOutcome::NotVerified(reason));
                }
                Some(self.email_change(principal, &user, email))
            }
            None => None,
        };
        if display_name.is_none() && email.is_none() {
            return Ok(ProfileOutcome::Done(self.profile_of(user).await?));
        }
        let change = ProfileChange { display_name, email };
        Ok(match self.ports.accounts.change_profile(user.id, change, self.now()).await? {
            ProfileChanged::Done(user) => ProfileOutcome::Done(self.profile_of(*user).await?),
            ProfileChanged::EmailTaken => ProfileOutcome::EmailTaken,
            ProfileChanged::NoSuchUser => ProfileOutcome::NoSuchUser,
            ProfileChanged::SessionEnded => ProfileOutcome::SessionEnded,
        })
    }

    fn email_change(&self, principal: &Principal, user: &User, email: Email) -> EmailChange {
        let (purpose, now) = (Purpose::VerifyEmail, self.now());
        let verification = self.email_token(purpose, Some(user.id), &email, Vec::new(), now);
        let notice = self.notice(Template::EmailChanged, Vec::new()).to(user);
        EmailChange { email, session: principal.session, verification, notice }
    }
}
