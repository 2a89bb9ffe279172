//! Letting a request in by its access token, without a query for this server's own.

use super::SessionService;
use crate::error::StoreError;
use crate::identity::ExternalToken;
use crate::ids::UserId;
use crate::session::{AuthFailure, Principal, Scope, Standing};
use crate::time::{ClockReading, Stamp};

impl SessionService {
    /// Lets a request with this access token in, of this server or of a configured issuer.
    pub async fn authenticate(&self, token: &str) -> Result<Result<Principal, AuthFailure>, StoreError> {
        let reading = self.parts.clock.reading();
        let now = reading.now;
        let principal = match (self.parts.access.verify(token, now), &self.parts.issuers) {
            (Ok(verified), _) => verified.into(),
            (Err(AuthFailure::NotTrusted), Some(issuers)) => match issuers.verify(token, now).await {
                Ok(external) => self.of_external(external, now).await?,
                Err(failure) => return Ok(Err(failure)),
            },
            (Err(failure), _) => return Ok(Err(failure)),
        };
        Ok(self.admit(principal, reading))
    }

    /// Whether what let a principal in still stands.
    pub fn still_stands(&self, principal: &Principal) -> Result<(), AuthFailure> {
        self.admit(principal.clone(), self.parts.clock.reading()).map(drop)
    }

    fn admit(&self, principal: Principal, now: ClockReading) -> Result<Principal, AuthFailure> {
        match self.parts.revocations.standing(principal.user, principal.session, principal.token, now) {
            Standing::Good => Ok(principal),
            Standing::Revoked => Err(AuthFailure::Revoked),
            Standing::Disabled => Err(AuthFailure::Disabled),
            Standing::Unknown => Err(AuthFailure::RevocationsUnknown),
        }
    }

    async fn of_external(&self, external: ExternalToken, now: Stamp) -> Result<Principal, StoreError> {
        let new_user = UserId(self.parts.secrets.uuid());
        let user = self.parts.identities.of_external(&external, new_user, now).await?;
        Ok(Principal {
            user,
            subject: external.subject,
            session: None,
            token: None,
            expires_at: external.expires_at,
            scopes: vec![Scope::TodosRead, Scope::TodosWrite],
        })
    }
}
