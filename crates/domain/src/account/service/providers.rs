//! Links the caller's account to logins at providers, and unlinks it.

use super::{AccountService, NotVerified};
use crate::error::StoreError;
use crate::identity::{FlowOutcome, FlowStart, LoginWays, ReturnTo, Unlinked};
use crate::mail::Template;
use crate::session::Principal;

/// The outcome of starting to link a provider.
#[derive(Debug)]
pub enum LinkStart {
    /// The flow was started, or could not be.
    Flow(FlowOutcome),
    NotVerified(NotVerified),
    /// The account was deleted.
    NoSuchUser,
}

/// The outcome of unlinking a provider.
#[derive(Debug)]
pub enum UnlinkOutcome {
    Done,
    /// The user has no identity at this provider.
    NotLinked,
    /// The user could no longer log in: passwords are off or there is none, and no other provider that
    /// is configured is linked.
    LastWayIn,
    NotVerified(NotVerified),
    /// The account was deleted.
    NoSuchUser,
    /// The session has ended in the meantime.
    SessionEnded,
}

impl AccountService {
    /// Starts a flow that links the provider to the caller's account. It needs the password or a
    /// recent login: what is linked can log in.
    pub async fn start_link(
        &self,
        principal: &Principal,
        provider: &str,
        return_to: ReturnTo,
        password: Option<&str>,
    ) -> Result<LinkStart, StoreError> {
        if !self.identities.is_configured(provider) {
            return Ok(LinkStart::Flow(FlowOutcome::UnknownProvider));
        }
        let Some(user) = self.ports.accounts.by_id(principal.user).await? else {
            return Ok(LinkStart::NoSuchUser);
        };
        if let Err(reason) = self.verify_password_or_login(principal, &user, password).await? {
            return Ok(LinkStart::NotVerified(reason));
        }
        if let Err(limited) = self.charge_change(user.id).await {
            return Ok(LinkStart::NotVerified(limited));
        }
        let start = FlowStart { return_to, link: Some(principal.clone()), challenge: None, ip: None };
        Ok(LinkStart::Flow(self.identities.start(provider, start).await?))
    }

    /// Removes the caller's identities at a provider. It needs the password or a recent login.
    pub async fn unlink(
        &self,
        principal: &Principal,
        provider: &str,
        password: Option<&str>,
    ) -> Result<UnlinkOutcome, StoreError> {
        let Some(user) = self.ports.accounts.by_id(principal.user).await? else {
            return Ok(UnlinkOutcome::NoSuchUser);
        };
        if !self.ports.identities.providers(user.id).await?.iter().any(|linked| linked == provider) {
            return Ok(UnlinkOutcome::NotLinked);
        }
        if let Err(reason) = self.verify_password_or_login(principal, &user, password).await? {
            return Ok(UnlinkOutcome::NotVerified(reason));
        }
        if let Err(limited) = self.charge_change(user.id).await {
            return Ok(UnlinkOutcome::NotVerified(limited));
        }
        let notice = self.notice(Template::ProviderUnlinked, vec![provider.to_owned()]);
        let ways = LoginWays { password: self.policy.passwords, providers: self.identities.offered() };
        let session = principal.session;
        let unlinked =
            self.ports.identities.unlink(user.id, session, provider, ways, notice, self.now()).await?;
        Ok(match unlinked {
            Unlinked::Done => UnlinkOutcome::Done,
            Unlinked::NotLinked => UnlinkOutcome::NotLinked,
            Unlinked::LastWayIn => UnlinkOutcome::LastWayIn,
            Unlinked::SessionEnded => UnlinkOutcome::SessionEnded,
        })
    }
}
