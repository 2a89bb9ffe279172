//! Listing a user's sessions, and ending them.

use super::SessionService;
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::session::{AuthFailure, EndReason, Ending, Principal, RecentLogin, Session};

impl SessionService {
    /// Ends the caller's session, or with `all` every session of the user. A caller with a token of
    /// an external issuer has no session here; only the issuer can end theirs.
    pub async fn log_out(&self, principal: &Principal, all: bool) -> Result<(), StoreError> {
        let ending = self.ending(EndReason::Logout, self.ports.clock.now());
        if all {
            self.announce(&self.ports.sessions.end_all(principal.user, None, ending).await?);
        } else if let Some(session) = principal.session {
            self.end(principal.user, session, ending).await?;
        }
        Ok(())
    }

    /// Ends the caller's session and the session of a refresh token in JWT form, if that is another
    /// session of the same user. Returns `Err`, and ends nothing, if the refresh token is not
    /// valid.
    pub async fn log_out_with(
        &self,
        principal: &Principal,
        refresh: &str,
    ) -> Result<Result<(), AuthFailure>, StoreError> {
        let now = self.ports.clock.now();
        match self.ports.access.verify_refresh(refresh, now) {
            // The session of an expired refresh token may still have a valid access token.
            Ok(()) | Err(AuthFailure::Expired) => {}
            Err(failure) => return Ok(Err(failure)),
        }
        let facts = self.ports.sessions.find(&self.ports.refresh.hash(refresh)).await?;
        let other = facts.map(|facts| facts.session).filter(|session| session.user == principal.user);
        self.log_out(principal, false).await?;
        if let Some(session) = other.filter(|session| Some(session.id) != principal.session) {
            self.end(principal.user, session.id, self.ending(EndReason::Logout, now)).await?;
        }
        Ok(Ok(()))
    }

    /// The user's live sessions, the last used first.
    pub async fn devices(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.ports.sessions.live(user, self.ports.clock.now()).await
    }

    /// Ends one of the user's sessions. Returns whether the user had such an open session.
    pub async fn end_device(&self, user: UserId, session: SessionId) -> Result<bool, StoreError> {
        self.end(user, session, self.ending(EndReason::DeviceRevoked, self.ports.clock.now())).await
    }

    async fn end(&self, user: UserId, session: SessionId, ending: Ending) -> Result<bool, StoreError> {
        let ended = self.ports.sessions.end(user, session, ending).await?;
        self.announce(ended.as_slice());
        Ok(ended.is_some())
    }

    /// Whether the caller's session is a login that authorises operations that can't be undone.
    pub(crate) async fn recent_login(&self, principal: &Principal) -> Result<RecentLogin, StoreError> {
        let now = self.ports.clock.now();
        let live = self.ports.sessions.live(principal.user, now).await?;
        let own = live.iter().find(|session| Some(session.id) == principal.session);
        Ok(own.map_or(RecentLogin::No, |session| session.recent_login(now)))
    }
}
