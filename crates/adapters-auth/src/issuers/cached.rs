//! Caches the user of each external subject, so that a request with an external token needs no
//! query.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::identity::{ExternalToken, IdentityStore, Linked, ProviderIdentity, Resolved, Unlinked};
use domain::{SessionId, Stamp, StoreError, UserId};
use moka::sync::Cache;

/// The maximum number of subjects that are cached.
const CAPACITY: u64 = 100_000;

/// The time after which a subject is looked up again. A deleted user whose token is still valid
/// gets a new account only after this time.
const TTL: Duration = Duration::from_mins(1);

/// An identity store that caches the results of [`IdentityStore::find_or_create_external`].
pub struct CachedIdentities {
    store: Arc<dyn IdentityStore>,
    users: Cache<(String, String), UserId>,
}

impl CachedIdentities {
    /// Creates an empty cache over `store`.
    #[must_use]
    pub fn new(store: Arc<dyn IdentityStore>) -> Self {
        let users = Cache::builder().max_capacity(CAPACITY).time_to_live(TTL).build();
        Self { store, users }
    }
}

#[async_trait]
impl IdentityStore for CachedIdentities {
    async fn find_or_create_external(
        &self,
        token: &ExternalToken,
        new_user: UserId,
        now: Stamp,
    ) -> Result<UserId, StoreError> {
        let key = (token.issuer.clone(), token.subject.clone());
        if let Some(user) = self.users.get(&key) {
            return Ok(user);
        }
        let user = self.store.find_or_create_external(token, new_user, now).await?;
        self.users.insert(key, user);
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
        // The cache must not keep an unlinked identity, and its subject is unknown here.
        self.users.invalidate_all();
        self.store.unlink(user, provider).await
    }

    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        self.store.providers(user).await
    }
}
