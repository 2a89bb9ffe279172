//! Refresh tokens: rotating ones, and those in JWT form.

use std::time::Duration;

use super::{Login, SessionService};
use crate::error::StoreError;
use crate::ids::{SessionId, TokenId};
use crate::limits::{Charge, LimitKey};
use crate::session::refresh::{Forgotten, RefreshVerdict, judge, judge_forgotten};
use crate::session::{AccessToken, AuthFailure, Device, EndReason, Location, Rotated, Successor};
use crate::time::Stamp;

/// The outcome of a refresh.
#[derive(Debug)]
pub enum RefreshOutcome {
    Done(Login),
    /// The token does not exist.
    Unknown,
    Expired,
    /// The session has ended, perhaps because this token was reused.
    Ended,
    /// The account is disabled.
    Disabled,
    /// The session refreshes too often.
    Limited(Charge),
}

/// The outcome of a refresh that does not rotate the token.
#[derive(Debug)]
pub enum RenewalOutcome {
    /// The new access token and its lifetime.
    Done(AccessToken, Duration),
    /// The refresh token is not a valid JWT of this server, or has expired.
    Refused(AuthFailure),
    /// The session has ended.
    Ended,
    /// The account is disabled.
    Disabled,
    /// The session refreshes too often.
    Limited(Charge),
}

impl SessionService {
    /// Exchanges a refresh token for the session's next tokens. A refresh token in JWT form is
    /// unknown here, because it does not rotate.
    pub async fn refresh(&self, token: &str, device: &Device) -> Result<RefreshOutcome, StoreError> {
        let now = self.ports.clock.now();
        let secrets = &self.ports.refresh;
        let (secret, location) = Location::split(token);
        let presented = secrets.hash(secret);
        let Some(facts) = self.ports.sessions.find(&presented).await? else {
            let issued = |at: &Location| secrets.recover(at.session, at.generation, &presented).is_some();
            return match location.filter(issued) {
                Some(location) => self.refuse_forgotten(location, now).await,
                None => Ok(RefreshOutcome::Unknown),
            };
        };
        let token = &facts.token;
        let belongs = Location { user: facts.user.id, session: token.session, generation: token.generation };
        if location.is_some_and(|location| location != belongs) {
            return Ok(RefreshOutcome::Unknown);
        }
        // A stored token that no accepted key derives is in JWT form, or was derived under a key
        // that the operator has removed and that others may know.
        if secrets.recover(token.session, token.generation, &presented).is_none() {
            return Ok(RefreshOutcome::Unknown);
        }
        // Judged first: a thief who uses up the limit must not keep a reuse from being found.
        match judge(&facts, now) {
            RefreshVerdict::Rotate | RefreshVerdict::Repeat { .. } => {
                if let Err(charge) = self.charge_presentation(token.id, token.session, now).await {
                    return Ok(RefreshOutcome::Limited(charge));
                }
            }
            // It ends the session, so it happens once.
            RefreshVerdict::Reused => {}
            RefreshVerdict::Expired => return Ok(RefreshOutcome::Expired),
            RefreshVerdict::Ended => return Ok(RefreshOutcome::Ended),
            RefreshVerdict::Disabled => return Ok(RefreshOutcome::Disabled),
        }
        let generation = token.generation.saturating_add(1);
        let successor = Successor {
            id: TokenId(self.ports.secrets.uuid()),
            hash: secrets.hash(&secrets.derive(token.session, generation).0),
            expires_at: now.plus(self.lifetimes.refresh),
            access_until: self.access_until(now),
        };
        let ending = self.ending(EndReason::ReuseDetected, now);
        Ok(match self.ports.sessions.rotate(&presented, successor, device, ending).await? {
            // A successor that was stored before the server's keys changed was derived under an older key.
            Rotated::Done { user, session, hash } => match secrets.recover(session, generation, &hash) {
                Some(secret) => {
                    let secret = Location { user: user.id, session, generation }.mark(&secret);
                    RefreshOutcome::Done(self.login(user, session, secret, now))
                }
                None => RefreshOutcome::Unknown,
            },
            Rotated::Reused(revocation) => {
                self.announce(&[revocation]);
                RefreshOutcome::Ended
            }
            Rotated::Ended => RefreshOutcome::Ended,
            Rotated::Unknown => RefreshOutcome::Unknown,
            Rotated::Expired => RefreshOutcome::Expired,
            Rotated::Disabled => RefreshOutcome::Disabled,
        })
    }

    /// Answers a token that the server issued at `location` and the store has forgotten. If the
    /// session has gone on since, ends it.
    async fn refuse_forgotten(&self, location: Location, now: Stamp) -> Result<RefreshOutcome, StoreError> {
        let Location { user, session, generation } = location;
        let Some(newest) = self.ports.sessions.newest(user, session).await? else {
            return Ok(RefreshOutcome::Unknown);
        };
        Ok(match judge_forgotten(&newest, generation) {
            Forgotten::Reused => {
                let ending = self.ending(EndReason::ReuseDetected, now);
                let ended = self.ports.sessions.end(user, session, ending).await?;
                self.announce(ended.as_slice());
                RefreshOutcome::Ended
            }
            Forgotten::Ended => RefreshOutcome::Ended,
            Forgotten::Disabled => RefreshOutcome::Disabled,
            Forgotten::Unknown => RefreshOutcome::Unknown,
        })
    }

    /// Issues an access token for a refresh token in JWT form, which stays valid.
    pub async fn renew(&self, jwt: &str, device: &Device) -> Result<RenewalOutcome, StoreError> {
        let now = self.ports.clock.now();
        if let Err(failure) = self.ports.access.verify_refresh(jwt, now) {
            return Ok(RenewalOutcome::Refused(failure));
        }
        // The server signed the token, so it was stored; it was deleted with its session.
        let Some(facts) = self.ports.sessions.find(&self.ports.refresh.hash(jwt)).await? else {
            return Ok(RenewalOutcome::Ended);
        };
        match judge(&facts, now) {
            RefreshVerdict::Rotate | RefreshVerdict::Repeat { .. } => {}
            RefreshVerdict::Expired => return Ok(RenewalOutcome::Refused(AuthFailure::Expired)),
            RefreshVerdict::Ended | RefreshVerdict::Reused => return Ok(RenewalOutcome::Ended),
            RefreshVerdict::Disabled => return Ok(RenewalOutcome::Disabled),
        }
        let (user, session) = (facts.user.id, facts.session.id);
        if let Err(charge) = self.ports.limits.charge(&LimitKey::Refresh(session), now).await {
            return Ok(RenewalOutcome::Limited(charge));
        }
        self.ports.sessions.touch(user, session, device, now, self.access_until(now)).await?;
        let access = self.access_token(&facts.user, session, now);
        Ok(RenewalOutcome::Done(access, self.lifetimes.access))
    }

    /// Charges one presentation of a token, and one refresh of the session for the first presentation in a
    /// while: tabs and retries that present one token at the same time are one refresh.
    async fn charge_presentation(
        &self,
        token: TokenId,
        session: SessionId,
        now: Stamp,
    ) -> Result<(), Charge> {
        let (key, limits) = (LimitKey::RefreshToken(token), &self.ports.limits);
        if !limits.charge_first(&key, now).await? {
            return Ok(());
        }
        let charged = limits.charge(&LimitKey::Refresh(session), now).await;
        if charged.is_err() {
            // Otherwise the next presentation would pass as a repeat of this one.
            limits.refund(&key, now).await;
        }
        charged
    }
}
