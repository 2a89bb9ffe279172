//! Authenticating a request by its access token.

use super::IdentityService;
use crate::error::StoreError;
use crate::identity::ExternalToken;
use crate::ids::UserId;
use crate::limits::{Charge, LimitKey};
use crate::session::{AuthFailure, Principal, Scope};
use crate::time::Stamp;

/// The outcome of authenticating a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthOutcome {
    /// The caller, and the charge to the caller's quota of requests. `None` if requests are not
    /// limited.
    Granted(Principal, Option<Charge>),
    /// The caller sends too many requests.
    Limited(Principal, Charge),
    /// The token does not have the scope.
    ScopeMissing(Scope),
    Refused(AuthFailure),
    /// No issuer vouches for the token. The adapter of the issuers has logged why.
    RefusedByIssuers(AuthFailure),
}

impl IdentityService {
    /// Authenticates a request by an access token of this server or of a configured issuer, and charges it
    /// to the user. Makes no query for this server's own tokens.
    pub async fn authenticate(&self, token: &str) -> Result<AuthOutcome, StoreError> {
        Ok(match self.principal(token).await? {
            Ok(principal) => self.charge_request(principal).await,
            Err(refused) => refused,
        })
    }

    /// Authenticates a request for a socket. The token must have the scope [`Scope::TodosRead`]. A
    /// token that has just expired is refused, because the socket would close at once.
    pub async fn authenticate_socket(&self, token: &str) -> Result<AuthOutcome, StoreError> {
        Ok(match self.principal(token).await? {
            Ok(principal) if principal.expires_at <= self.now() => AuthOutcome::Refused(AuthFailure::Expired),
            Ok(principal) if !principal.may(Scope::TodosRead) => AuthOutcome::ScopeMissing(Scope::TodosRead),
            Ok(principal) => self.charge_request(principal).await,
            Err(refused) => refused,
        })
    }

    async fn charge_request(&self, principal: Principal) -> AuthOutcome {
        match self.ports.limits.take(&LimitKey::Api(principal.user), self.now()).await {
            Some(charge) if !charge.allowed => AuthOutcome::Limited(principal, charge),
            charge => AuthOutcome::Granted(principal, charge),
        }
    }

    async fn principal(&self, token: &str) -> Result<Result<Principal, AuthOutcome>, StoreError> {
        match (self.sessions.authenticate(token), &self.ports.issuers) {
            (Err(AuthFailure::NotTrusted), Some(issuers)) => {
                let now = self.now();
                let external = match issuers.verify(token, now).await {
                    Ok(external) => external,
                    Err(failure) => return Ok(Err(AuthOutcome::RefusedByIssuers(failure))),
                };
                let principal = self.external_principal(external, now).await?;
                Ok(self.sessions.check(&principal).map(|()| principal).map_err(AuthOutcome::Refused))
            }
            (answer, _) => Ok(answer.map_err(AuthOutcome::Refused)),
        }
    }

    async fn external_principal(&self, external: ExternalToken, now: Stamp) -> Result<Principal, StoreError> {
        let new_user = UserId(self.ports.secrets.uuid());
        let user = self.ports.identities.find_or_create_external(&external, new_user, now).await?;
        Ok(Principal {
            user,
            subject: external.subject,
            session: None,
            expires_at: external.expires_at,
            scopes: vec![Scope::TodosRead, Scope::TodosWrite],
        })
    }
}
