//! Caches the user of each external subject, so that a request with an external token needs no
//! query.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::identity::{
    ExternalToken, IdentityStore, Linked, LoginWays, ProviderIdentity, Resolved, Unlinked,
};
use domain::mail::Notice;
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
    /// The number of changes that may have removed identities. A result is cached only if none happened
    /// since its read began: the read may have seen the identity that the change removed.
    removals: Mutex<u64>,
}

impl CachedIdentities {
    /// Creates an empty cache over `store`.
    #[must_use]
    pub fn new(store: Arc<dyn IdentityStore>) -> Self {
        let users = Cache::builder().max_capacity(CAPACITY).time_to_live(TTL).build();
        Self { store, users, removals: Mutex::default() }
    }

    /// Runs a change that may remove identities of the user, and then forgets them, whatever its result: it
    /// may have happened even if the store reports a failure or the caller stops waiting.
    async fn removing<T>(&self, user: UserId, change: impl Future<Output = T>) -> T {
        struct Forget<'a>(&'a CachedIdentities, UserId);
        impl Drop for Forget<'_> {
            fn drop(&mut self) {
                self.0.forget(self.1);
            }
        }
        let _forget = Forget(self, user);
        change.await
    }

    fn forget(&self, user: UserId) {
        let mut removals = self.removals();
        *removals += 1;
        // The subjects of the user are not known here. Other users' entries stay.
        let keys: Vec<_> = self
            .users
            .iter()
            .filter(|(_, owner)| *owner == user)
            .map(|(key, _)| key.as_ref().clone())
            .collect();
        for key in keys {
            self.users.invalidate(&key);
        }
    }

    fn removals(&self) -> MutexGuard<'_, u64> {
        self.removals.lock().unwrap_or_else(PoisonError::into_inner)
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
        let before = *self.removals();
        let user = self.store.find_or_create_external(token, new_user, now).await?;
        let removals = self.removals();
        if *removals == before {
            self.users.insert(key, user);
        }
        Ok(user)
    }

    async fn resolve(
        &self,
        identity: ProviderIdentity,
        new_user: Option<UserId>,
        notice: Notice,
        now: Stamp,
    ) -> Result<Resolved, StoreError> {
        self.store.resolve(identity, new_user, notice, now).await
    }

    async fn link(
        &self,
        user: UserId,
        session: Option<SessionId>,
        identity: ProviderIdentity,
        notice: Notice,
        now: Stamp,
    ) -> Result<Linked, StoreError> {
        // A link removes nothing: it never replaces another identity.
        self.store.link(user, session, identity, notice, now).await
    }

    async fn unlink(
        &self,
        user: UserId,
        session: Option<SessionId>,
        provider: &str,
        ways: LoginWays,
        notice: Notice,
        now: Stamp,
    ) -> Result<Unlinked, StoreError> {
        self.removing(user, self.store.unlink(user, session, provider, ways, notice, now)).await
    }

    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        self.store.providers(user).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use domain::mail::Template;
    use tokio::sync::Semaphore;
    use uuid::Uuid;

    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));

    /// A store of one identity of Ann. Each look-up waits, after it has read, until the test releases it.
    struct Gated {
        lookups: AtomicU32,
        reading: Semaphore,
        released: Semaphore,
    }

    #[async_trait]
    impl IdentityStore for Gated {
        async fn find_or_create_external(
            &self,
            _: &ExternalToken,
            _: UserId,
            _: Stamp,
        ) -> Result<UserId, StoreError> {
            self.lookups.fetch_add(1, Ordering::SeqCst);
            self.reading.add_permits(1);
            self.released.acquire().await.expect("never closed").forget();
            Ok(ANN)
        }

        async fn resolve(
            &self,
            _: ProviderIdentity,
            _: Option<UserId>,
            _: Notice,
            _: Stamp,
        ) -> Result<Resolved, StoreError> {
            Err(StoreError::Unavailable("not in this test".to_owned()))
        }

        async fn link(
            &self,
            _: UserId,
            _: Option<SessionId>,
            _: ProviderIdentity,
            _: Notice,
            _: Stamp,
        ) -> Result<Linked, StoreError> {
            Ok(Linked::Done)
        }

        async fn unlink(
            &self,
            _: UserId,
            _: Option<SessionId>,
            _: &str,
            _: LoginWays,
            _: Notice,
            _: Stamp,
        ) -> Result<Unlinked, StoreError> {
            Ok(Unlinked::Done)
        }

        async fn providers(&self, _: UserId) -> Result<Vec<String>, StoreError> {
            Ok(Vec::new())
        }
    }

    fn token() -> ExternalToken {
        ExternalToken {
            issuer: "app".to_owned(),
            subject: "ann".to_owned(),
            name: None,
            email: None,
            expires_at: Stamp::EPOCH,
        }
    }

    fn ways() -> LoginWays {
        LoginWays { password: true, providers: Vec::new() }
    }

    fn notice() -> Notice {
        Notice { id: Uuid::nil(), template: Template::ProviderUnlinked, providers: Vec::new() }
    }

    #[tokio::test]
    async fn a_look_up_under_way_does_not_bring_an_unlinked_identity_back() {
        let store = Arc::new(Gated {
            lookups: AtomicU32::new(0),
            reading: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        let cached = Arc::new(CachedIdentities::new(store.clone()));
        let look_up = || {
            let cached = cached.clone();
            async move { cached.find_or_create_external(&token(), ANN, Stamp::EPOCH).await }
        };
        let under_way = tokio::spawn(look_up());
        store.reading.acquire().await.expect("never closed").forget();
        cached.unlink(ANN, None, "app", ways(), notice(), Stamp::EPOCH).await.expect("it unlinks");
        store.released.add_permits(3);
        under_way.await.expect("no panic").expect("it answers");
        look_up().await.expect("it answers");
        assert_eq!(store.lookups.load(Ordering::SeqCst), 2, "the first result was not cached");
        look_up().await.expect("it answers");
        assert_eq!(store.lookups.load(Ordering::SeqCst), 2, "the second one was");
        let other = UserId(Uuid::from_u128(2));
        cached.unlink(other, None, "app", ways(), notice(), Stamp::EPOCH).await.expect("it unlinks");
        look_up().await.expect("it answers");
        assert_eq!(store.lookups.load(Ordering::SeqCst), 2, "another user's unlinking changes nothing");
    }
}
