//! An API over the in-memory store with one part that fails.

use std::sync::Arc;

use api_actix::realtime::Hub;
use api_actix::{Api, ApiSettings, Dependencies};
use async_trait::async_trait;
use domain::account::{
    AccountParts, AccountService, HasherError, NewPassword, OneTimeId, OneTimeSecrets, PasswordHash,
    PasswordHasher, Verified,
};
use domain::identity::{IdentityParts, IdentityService};
use domain::limits::{Charge, LimitKey, Quota, RateLimiter};
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Grant, Lifetimes, LoginDefence, RefreshGrant, RefreshSecret,
    RefreshSecrets, RevocationNews, Revocations, Scope, SessionParts, SessionService, TokenHash,
    VerifiedToken,
};
use domain::sync::SyncService;
use domain::todo::query::ListQuery;
use domain::todo::{Batch, Changes, Commit, Page, Todo, TodoNumber, TodoService, TodoStore};
use domain::{Clock as _, SessionId, Stamp, StoreError, TodoId, TokenId, UserId};
use domain_testkit::build::{T0, uuid};
use domain_testkit::{FixedClock, MemoryStore, PlainHasher, RecordingBus, SequentialSecrets};

/// What fails.
#[derive(Clone, Copy)]
pub enum Fault {
    None,
    /// Reading a todo.
    Store(fn() -> StoreError),
    /// Hashing a password.
    Hasher(fn() -> HasherError),
    /// Checking a token.
    Token(AuthFailure),
}

/// The whole API.
pub fn api(fault: Fault) -> Arc<Api> {
    let clock = Arc::new(FixedClock::at(T0));
    let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
    let revocations = Arc::new(Revocations::new(vec![]));
    revocations.refresh(&RevocationNews::default(), clock.reading());
    let parts = SessionParts {
        accounts: store.clone(),
        sessions: store.clone(),
        revocations,
        hasher: Arc::new(Broken { fault, store: store.clone() }),
        access: Arc::new(Broken { fault, store: store.clone() }),
        refresh: Arc::new(Broken { fault, store: store.clone() }),
        limiter: Arc::new(Broken { fault, store: store.clone() }),
        secrets: Arc::new(SequentialSecrets),
        clock: clock.clone(),
        issuers: None,
        identities: store.clone(),
    };
    let defence = LoginDefence { quotas: None, session_cap: 20 };
    let sessions = SessionService::new(parts, Lifetimes::default(), defence);
    let todos: Arc<dyn TodoStore> = Arc::new(Broken { fault, store: store.clone() });
    let secrets = Arc::new(Broken { fault, store: store.clone() });
    let parts = AccountParts { one_time: store.clone(), secrets: secrets.clone(), quotas: None };
    let accounts = AccountService::new(parts, sessions.clone());
    let identities = IdentityParts {
        identities: store.clone(),
        accounts: store.clone(),
        one_time: store.clone(),
        secrets,
        providers: vec![],
    };
    let dependencies = Dependencies {
        todos: TodoService::new(todos.clone(), clock.clone(), 100),
        sync: SyncService::new(todos.clone(), clock.clone(), 100),
        accounts,
        identities: IdentityService::new(identities, sessions.clone()),
        sessions,
        store: todos,
        hub: Hub::new(clock.clone()),
        probe: store,
        clock,
        secrets: Arc::new(SequentialSecrets),
    };
    let settings = ApiSettings::default();
    Arc::new(Api::new(dependencies, settings))
}

struct Broken {
    fault: Fault,
    store: Arc<MemoryStore>,
}

#[async_trait]
impl TodoStore for Broken {
    async fn commit(&self, user: UserId, batch: Batch, now: Stamp) -> Result<Commit, StoreError> {
        self.store.commit(user, batch, now).await
    }

    async fn get(&self, user: UserId, id: TodoId) -> Result<Option<Todo>, StoreError> {
        match self.fault {
            Fault::Store(error) => Err(error()),
            _ => self.store.get(user, id).await,
        }
    }

    async fn get_by_number(&self, user: UserId, number: TodoNumber) -> Result<Option<Todo>, StoreError> {
        self.store.get_by_number(user, number).await
    }

    async fn list(&self, user: UserId, query: &ListQuery) -> Result<Option<Page>, StoreError> {
        self.store.list(user, query).await
    }

    async fn changes(
        &self,
        user: UserId,
        since: Option<Stamp>,
        limit: u32,
    ) -> Result<Option<Changes>, StoreError> {
        self.store.changes(user, since, limit).await
    }

    async fn clock(&self, user: UserId) -> Result<Option<Stamp>, StoreError> {
        self.store.clock(user).await
    }

    async fn is_anothers(&self, user: UserId, id: TodoId) -> Result<bool, StoreError> {
        self.store.is_anothers(user, id).await
    }

    async fn sweep_tombstones(&self, before: Stamp, limit: u32) -> Result<u64, StoreError> {
        self.store.sweep_tombstones(before, limit).await
    }
}

#[async_trait]
impl PasswordHasher for Broken {
    async fn hash(&self, password: NewPassword) -> Result<PasswordHash, HasherError> {
        match self.fault {
            Fault::Hasher(error) => Err(error()),
            _ => PlainHasher::default().hash(password).await,
        }
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verified, HasherError> {
        PlainHasher::default().verify(password, hash).await
    }
}

/// A token is the list of its scopes, and its user is nobody.
impl AccessTokens for Broken {
    fn issue(&self, _: &Grant) -> AccessToken {
        AccessToken("todos:read".to_owned())
    }

    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure> {
        if let Fault::Token(failure) = self.fault {
            return Err(failure);
        }
        let scopes =
            Scope::ALL.into_iter().filter(|scope| token.split('+').any(|word| word == scope.as_str()));
        Ok(VerifiedToken {
            user: UserId(uuid()),
            subject: "nobody".to_owned(),
            session: SessionId(uuid()),
            token: TokenId(uuid()),
            expires_at: now.next(),
            scopes: scopes.collect(),
        })
    }

    fn issue_refresh(&self, grant: &RefreshGrant) -> RefreshSecret {
        RefreshSecret(grant.token.to_string())
    }

    fn verify_refresh(&self, _: &str, _: Stamp) -> Result<(), AuthFailure> {
        Ok(())
    }
}

impl RefreshSecrets for Broken {
    fn derive(&self, session: SessionId, generation: u32) -> RefreshSecret {
        RefreshSecret(format!("{session}.{generation}"))
    }

    fn derive_all(&self, session: SessionId, generation: u32) -> Vec<RefreshSecret> {
        vec![RefreshSecrets::derive(self, session, generation)]
    }

    fn hash(&self, _: &str) -> TokenHash {
        TokenHash([0; 32])
    }
}

impl OneTimeSecrets for Broken {
    fn derive(&self, id: OneTimeId) -> String {
        id.0.to_string()
    }

    fn hash(&self, _: &str) -> TokenHash {
        TokenHash([0; 32])
    }
}

#[async_trait]
impl RateLimiter for Broken {
    async fn charge(&self, _: &LimitKey, quota: Quota, _: Stamp) -> Charge {
        Charge { allowed: true, remaining: 1, retry_after: std::time::Duration::ZERO, quota }
    }

    async fn give_back(&self, _: &LimitKey, _: Quota, _: Stamp) {}
}
