//! The identity store.

use async_trait::async_trait;
use domain::account::IdentityRecord;
use domain::identity::{
    ExternalToken, IdentityStore, Join, JoinFacts, Linked, LoginWays, ProviderIdentity, Resolved,
    SealedTokens, Unlinked, join,
};
use domain::mail::Notice;
use domain::user::{Email, User};
use domain::{SessionId, Stamp, StoreError, UserId};

use super::{MemoryStore, State};

/// Provider and subject.
pub(super) type IdentityKey = (String, String);

pub(super) struct Identity {
    pub user: UserId,
    email: Option<Email>,
    tokens: SealedTokens,
    pub created_at: Stamp,
}

impl Identity {
    pub(super) fn record(&self, (provider, subject): &IdentityKey) -> IdentityRecord {
        IdentityRecord {
            provider: provider.clone(),
            subject: subject.clone(),
            email: self.email.as_ref().map(|email| email.as_str().to_owned()),
            created_at: self.created_at,
        }
    }
}

#[async_trait]
impl IdentityStore for MemoryStore {
    async fn find_or_create_external(
        &self,
        token: &ExternalToken,
        new_user: UserId,
        now: Stamp,
    ) -> Result<UserId, StoreError> {
        let mut state = self.enter()?;
        let key = (token.issuer.clone(), token.subject.clone());
        if let Some(identity) = state.identities.get(&key) {
            return Ok(identity.user);
        }
        state.insert_user(User { display_name: token.name.clone(), ..account(new_user, None, false, now) });
        let identity = Identity {
            user: new_user,
            email: token.email.clone(),
            tokens: SealedTokens::default(),
            created_at: now,
        };
        state.identities.insert(key, identity);
        Ok(new_user)
    }

    async fn resolve(
        &self,
        identity: ProviderIdentity,
        new_user: Option<UserId>,
        notice: Notice,
        now: Stamp,
    ) -> Result<Resolved, StoreError> {
        let mut state = self.enter()?;
        let owner = state.identities.get(&key(&identity)).map(|known| known.user);
        let facts = JoinFacts {
            owner: owner.map(|owner| state.users[&owner].user.clone()),
            by_email: identity.verified_email.as_ref().and_then(|email| state.by_email(email)).cloned(),
        };
        let decision = join(&facts);
        let user = match decision {
            Join::Known(user) | Join::Link(user) => user,
            Join::Create => {
                let Some(new_user) = new_user else { return Ok(Resolved::Unknown) };
                let email = identity.verified_email.clone();
                let verified = email.is_some();
                let name = identity.name.clone();
                state.insert_user(User { display_name: name, ..account(new_user, email, verified, now) });
                new_user
            }
            Join::NeedsLink => return Ok(Resolved::NeedsLink),
            Join::Disabled => return Ok(Resolved::Disabled),
        };
        state.store_identity(user, identity, now);
        if matches!(decision, Join::Link(_)) {
            state.notify(user, &notice, now);
        }
        Ok(Resolved::Done(Box::new(state.users[&user].user.clone())))
    }

    async fn link(
        &self,
        user: UserId,
        session: Option<SessionId>,
        identity: ProviderIdentity,
        notice: Notice,
        now: Stamp,
    ) -> Result<Linked, StoreError> {
        let mut state = self.enter()?;
        if !state.users.contains_key(&user) {
            return Ok(Linked::NoSuchUser);
        }
        if !state.is_live(user, session, now) {
            return Ok(Linked::SessionEnded);
        }
        let key = key(&identity);
        match state.identities.get(&key) {
            Some(known) if known.user != user => return Ok(Linked::BelongsToAnother),
            None if state.providers(user).contains(&key.0) => return Ok(Linked::AnotherIsLinked),
            None => state.notify(user, &notice, now),
            Some(_) => {}
        }
        state.store_identity(user, identity, now);
        Ok(Linked::Done)
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
        let mut state = self.enter()?;
        if !state.is_live(user, session, now) {
            return Ok(Unlinked::SessionEnded);
        }
        let providers = state.providers(user);
        if !providers.iter().any(|known| known == provider) {
            return Ok(Unlinked::NotLinked);
        }
        if !ways.remain(&state.users[&user].user, &providers, provider) {
            return Ok(Unlinked::LastWayIn);
        }
        state.identities.retain(|key, known| known.user != user || key.0 != provider);
        state.notify(user, &notice, now);
        Ok(Unlinked::Done)
    }

    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        Ok(self.enter()?.providers(user))
    }
}

fn key(identity: &ProviderIdentity) -> IdentityKey {
    (identity.provider.clone(), identity.subject.clone())
}

fn account(id: UserId, email: Option<Email>, email_verified: bool, now: Stamp) -> User {
    User {
        id,
        email,
        password: None,
        display_name: None,
        email_verified,
        is_active: true,
        created_at: now,
        last_login_at: None,
        email_changed_at: None,
        password_reset_at: None,
    }
}

impl State {
    /// Adds the identity to the user. If it exists, replaces its tokens only.
    fn store_identity(&mut self, user: UserId, identity: ProviderIdentity, now: Stamp) {
        let key = key(&identity);
        let ProviderIdentity { verified_email: email, tokens, .. } = identity;
        let fresh = Identity { user, email, tokens: SealedTokens::default(), created_at: now };
        self.identities.entry(key).or_insert(fresh).tokens = tokens;
    }

    /// Queues the notice to a user who exists.
    fn notify(&mut self, user: UserId, notice: &Notice, now: Stamp) {
        if let Some(mail) = notice.to(&self.users[&user].user) {
            self.queue(mail, now);
        }
    }

    pub(super) fn remove_identities(&mut self, user: UserId) {
        self.identities.retain(|_, identity| identity.user != user);
    }

    /// Sorted, each once.
    fn providers(&self, user: UserId) -> Vec<String> {
        let of_user = self.identities.iter().filter(|(_, identity)| identity.user == user);
        let mut providers: Vec<_> = of_user.map(|((provider, _), _)| provider.clone()).collect();
        providers.dedup();
        providers
    }
}
