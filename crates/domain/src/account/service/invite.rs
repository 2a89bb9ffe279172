//! Invitations: what lets the owner of one address register while registration is by invitation.

use std::sync::Arc;

use crate::account::AccountStore;
use crate::error::StoreError;
use crate::ids::OneTimeTokenId;
use crate::one_time::{NewOneTimeToken, OneTimeSecrets, OneTimeStore, Purpose};
use crate::secret::SecretSource;
use crate::time::{Clock, Stamp};
use crate::user::Email;

/// A token with which the owner of one address may register once.
pub struct Invitation {
    /// A secret: its holder may register the address.
    pub token: String,
    pub expires_at: Stamp,
}

/// Makes invitations. Only an operator has this service.
pub struct Invitations {
    pub accounts: Arc<dyn AccountStore>,
    pub one_time: Arc<dyn OneTimeStore>,
    pub one_time_secrets: Arc<dyn OneTimeSecrets>,
    pub secrets: Arc<dyn SecretSource>,
    pub clock: Arc<dyn Clock>,
}

impl Invitations {
    /// Invites the owner of an address. `None` if the address has an account already.
    pub async fn invite(&self, email: &Email) -> Result<Option<Invitation>, StoreError> {
        if self.accounts.by_email(email).await?.is_some() {
            return Ok(None);
        }
        let id = OneTimeTokenId(self.secrets.uuid());
        let token = self.one_time_secrets.derive(id);
        let expires_at = self.clock.now().plus(Purpose::Invitation.lifetime());
        let stored = NewOneTimeToken {
            id,
            purpose: Purpose::Invitation,
            hash: self.one_time_secrets.hash(&token),
            user: None,
            payload: email.as_str().to_owned(),
            expires_at,
        };
        self.one_time.put(stored).await?;
        Ok(Some(Invitation { token, expires_at }))
    }
}
