//! Looking at one's sessions, and ending them.

use super::SessionService;
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::session::{AuthFailure, EndReason, Ending, Principal, Session};

impl SessionService {
    /// Ends the caller's session, or all of the user's. A token of an external issuer has no session here: its issuer ends it.
    pub async fn log_out(&self, principal: &Principal, all: bool) -> Result<(), StoreError> {
        let ending = self.ending(EndReason::Logout, self.parts.clock.now());
        if all {
            self.announce(&self.parts.sessions.end_all(principal.user, None, ending).await?);
        } else if let Some(session) = principal.session {
            self.end(principal.user, session, ending).await?;
        }
        Ok(())
    }

    /// Ends the caller's session and, where it is another one of the caller's, the one that a refresh token in the form of a JWT
    /// belongs to. `Err` for a token that is none; nothing is ended then.
    pub async fn log_out_with(
        &self,
        principal: &Principal,
        refresh: &str,
    ) -> Result<Result<(), AuthFailure>, StoreError> {
        let now = self.parts.clock.now();
        match self.parts.access.verify_refresh(refresh, now) {
            // One whose time is over belongs to a session that may still have an access token.
            Ok(()) | Err(AuthFailure::Expired) => {}
            Err(failure) => return Ok(Err(failure)),
        }
        let facts = self.parts.sessions.find(&self.parts.refresh.hash(refresh)).await?;
        let other = facts.map(|facts| facts.session).filter(|session| session.user == principal.user);
        self.log_out(principal, false).await?;
        if let Some(session) = other.filter(|session| Some(session.id) != principal.session) {
            self.end(principal.user, session.id, self.ending(EndReason::Logout, now)).await?;
        }
        Ok(Ok(()))
    }

    /// The user's live sessions, the last used first.
    pub async fn devices(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.parts.sessions.live(user, self.parts.clock.now()).await
    }

    /// Ends one of the user's sessions; whether there was such a live one.
    pub async fn end_device(&self, user: UserId, session: SessionId) -> Result<bool, StoreError> {
        self.end(user, session, self.ending(EndReason::DeviceRevoked, self.parts.clock.now())).await
    }

    async fn end(&self, user: UserId, session: SessionId, ending: Ending) -> Result<bool, StoreError> {
        let ended = self.parts.sessions.end(user, session, ending).await?;
        self.announce(ended.as_slice());
        Ok(ended.is_some())
    }

    /// Whether the caller's session proved its user recently.
    pub async fn proved_recently(&self, principal: &Principal) -> Result<bool, StoreError> {
        let now = self.parts.clock.now();
        let live = self.parts.sessions.live(principal.user, now).await?;
        Ok(live.iter().any(|session| Some(session.id) == principal.session && session.proved_recently(now)))
    }
}
