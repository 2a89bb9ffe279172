//! Refresh tokens: rotating ones, and those in the form of a JWT.

use std::time::Duration;

use super::{LoggedIn, SessionService};
use crate::error::StoreError;
use crate::ids::{SessionId, TokenId};
use crate::limits::{Charge, LimitKey, Quota};
use crate::session::refresh::{GRACE, RefreshVerdict, judge};
use crate::session::{AccessToken, AuthFailure, Device, EndReason, RefreshSecret, Refreshed, Successor};
use crate::time::Stamp;

/// How often one token may be presented.
const PRESENTATIONS: Quota = Quota::new(240, GRACE);

/// What became of a refresh.
#[derive(Debug)]
pub enum Refresh {
    /// It succeeded.
    Done(LoggedIn),
    /// There is no such token.
    Unknown,
    /// Its time is over.
    Expired,
    /// Its session has ended, perhaps by this very use.
    Ended,
    /// The account is disabled.
    Disabled,
    /// The session refreshes too often.
    Limited(Charge),
}

/// What became of a refresh that does not rotate.
#[derive(Debug)]
pub enum Renewal {
    /// A new access token, and how long it lives.
    Done(AccessToken, Duration),
    /// The refresh token is no JWT of this server's, or its time is over.
    Refused(AuthFailure),
    /// Its session has ended.
    Ended,
    /// The account is disabled.
    Disabled,
    /// The session refreshes too often.
    Limited(Charge),
}

impl SessionService {
    /// Exchanges a refresh token for the session's next tokens. One in the form of a JWT is none such: rotation would take it from
    /// where it is to stay as it is.
    pub async fn refresh(&self, secret: &str, device: &Device) -> Result<Refresh, StoreError> {
        let now = self.parts.clock.now();
        // Base64url has no dots, a JWT two.
        if secret.contains('.') {
            return Ok(Refresh::Unknown);
        }
        let presented = self.parts.refresh.hash(secret);
        let Some(facts) = self.parts.sessions.find(&presented).await? else { return Ok(Refresh::Unknown) };
        let token = facts.token;
        // Known and yet not by a key that this server still has: whoever has that key can make it too.
        let ours = self.parts.refresh.derive_all(token.session, token.generation);
        if !ours.iter().any(|known| known.0 == secret) {
            return Ok(Refresh::Unknown);
        }
        if let Err(charge) = self.charge_once(token.id, token.session, now).await {
            return Ok(Refresh::Limited(charge));
        }
        let generation = token.generation.saturating_add(1);
        let fresh = self.parts.refresh.derive(token.session, generation);
        let successor = Successor {
            id: TokenId(self.parts.secrets.uuid()),
            hash: self.parts.refresh.hash(&fresh.0),
            expires_at: now.plus(self.lifetimes.refresh),
        };
        let ending = self.ending(EndReason::ReuseDetected, now);
        match self.parts.sessions.rotate(&presented, successor, device, ending).await? {
            Refreshed::Done { user, session, hash } => {
                // A successor stored before the server's keys rotated was derived under an older one.
                let same = |secret: &RefreshSecret| self.parts.refresh.hash(&secret.0) == hash;
                match self.parts.refresh.derive_all(session, generation).into_iter().find(same) {
                    Some(secret) => Ok(Refresh::Done(self.logged_in(user, session, secret, now))),
                    None => Ok(Refresh::Unknown),
                }
            }
            Refreshed::Reused(revocation) => {
                self.parts.revocations.add(&[revocation]);
                Ok(Refresh::Ended)
            }
            Refreshed::Ended => Ok(Refresh::Ended),
            Refreshed::Unknown => Ok(Refresh::Unknown),
            Refreshed::Expired => Ok(Refresh::Expired),
            Refreshed::Disabled => Ok(Refresh::Disabled),
        }
    }

    /// Gives a new access token for a refresh token in the form of a JWT, which stays as it is.
    pub async fn renew(&self, jwt: &str, device: &Device) -> Result<Renewal, StoreError> {
        let now = self.parts.clock.now();
        if let Err(failure) = self.parts.access.verify_refresh(jwt, now) {
            return Ok(Renewal::Refused(failure));
        }
        // This server signed it, so it was stored, and went with its session.
        let Some(facts) = self.parts.sessions.find(&self.parts.refresh.hash(jwt)).await? else {
            return Ok(Renewal::Ended);
        };
        if let Err(charge) = self.charge_refresh(facts.session.id, now).await {
            return Ok(Renewal::Limited(charge));
        }
        Ok(match judge(&facts, now) {
            RefreshVerdict::Rotate | RefreshVerdict::Repeat(_) => {
                self.parts.sessions.touch(facts.user.id, facts.session.id, device, now).await?;
                let access = self.access_token(&facts.user, facts.session.id, now);
                Renewal::Done(access, self.lifetimes.access)
            }
            RefreshVerdict::Expired => Renewal::Refused(AuthFailure::Expired),
            RefreshVerdict::Ended | RefreshVerdict::Reused => Renewal::Ended,
            RefreshVerdict::Disabled => Renewal::Disabled,
        })
    }

    /// Charges a presentation of a token, and the refresh to its session: tabs and retries that present one token at once are one
    /// refresh.
    async fn charge_once(&self, token: TokenId, session: SessionId, now: Stamp) -> Result<(), Charge> {
        if self.defence.quotas.is_none() {
            return Ok(());
        }
        let (key, limiter) = (LimitKey::RefreshToken(token), &self.parts.limiter);
        let presented = limiter.charge(&key, PRESENTATIONS, now).await;
        presented.granted()?;
        if presented.remaining + 1 < PRESENTATIONS.burst {
            return Ok(());
        }
        let charged = self.charge_refresh(session, now).await;
        if charged.is_err() {
            // Else the next one would pass as a repeat of this.
            limiter.give_back(&key, PRESENTATIONS, now).await;
        }
        charged
    }

    /// Charges a refresh to its session.
    async fn charge_refresh(&self, session: SessionId, now: Stamp) -> Result<(), Charge> {
        let Some(quotas) = self.defence.quotas else { return Ok(()) };
        self.parts.limiter.charge(&LimitKey::Refresh(session), quotas.refresh, now).await.granted()
    }
}
