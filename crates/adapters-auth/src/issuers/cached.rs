//! Which user an external subject is, remembered, so that a request with an external token costs no query either.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::identity::{ExternalToken, IdentityStore, Linked, ProviderIdentity, Resolved, Unlinked};
use domain::{SessionId, Stamp, StoreError, UserId};
use moka::sync::Cache;

/// How many are remembered.
const CAPACITY: u64 = 100_000;

/// For how long. A user who was removed and comes back with a token that is still good is found anew after it.
const LIFETIME: Duration = Duration::from_mins(1);

/// A store of identities that remembers what [`IdentityStore::of_external`] answered.
pub struct CachedIdentities {
    store: Arc<dyn IdentityStore>,
    known: Cache<(String, String), UserId>,
}

impl CachedIdentities {
    /// Remembers what `store` answers.
    #[must_use]
    pub fn new(store: Arc<dyn IdentityStore>) -> Self {
        let known = Cache::builder().max_capacity(CAPACITY).time_to_live(LIFETIME).build();
        Self { store, known }
    }
}

#[async_trait]
impl IdentityStore for CachedIdentities {
    async fn of_external(
        &self,
        token: &ExternalToken,
        new_user: UserId,
        now: Stamp,
    ) -> Result<UserId, StoreError> {
        let key = (token.issuer.clone(), token.subject.clone());
        if let Some(user) = self.known.get(&key) {
            return Ok(user);
        }
        let user = self.store.of_external(token, new_user, now).await?;
        self.known.insert(key, user);
        Ok(user)
    }

    async fn resolve(
        &self,
        identity: ProviderIdentity,
        new_user: UserId,
        now: Stamp,
    ) -> Result<Resolved, StoreError> {
        self.store.resolve(identity, new_user, now).await
    }

    async fn link(
        &self,
        user: UserId,
        session: Option<SessionId>,
        identity: ProviderIdentity,
        now: Stamp,
    ) -> Result<Linked, StoreError> {
        self.store.link(user, session, identity, now).await
    }

    async fn unlink(&self, user: UserId, provider: &str) -> Result<Unlinked, StoreError> {
        // An identity that was taken away must not be remembered; which subject it had is not known here.
        self.known.invalidate_all();
        self.store.unlink(user, provider).await
    }

    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        self.store.providers(user).await
    }
}
