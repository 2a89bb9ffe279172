//! Users.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::account::{
    AccountStore, DisplayName, Email, NewUser, PasswordHash, PasswordSet, Registered, User,
};
use domain::session::{Ending, NewSession};
use domain::{SessionId, Stamp, StoreError, UserId};

use super::{Account, MemoryStore, check};

#[async_trait]
impl AccountStore for MemoryStore {
    async fn register(
        &self,
        new: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError> {
        let mut state = self.enter()?;
        let key = new.email.key().to_owned();
        if state.emails.contains_key(&key) {
            return Ok(Registered::EmailTaken);
        }
        let user = User {
            id: new.id,
            email: Some(new.email),
            password: Some(new.password),
            display_name: new.display_name,
            email_verified: false,
            is_active: true,
            created_at: now,
            last_login_at: session.as_ref().map(|_| now),
        };
        let account = Account {
            user: user.clone(),
            clock: now,
            horizon: Stamp::EPOCH,
            live: 0,
            todos: BTreeMap::new(),
        };
        assert!(state.users.insert(user.id, account).is_none(), "the id {} was given before", user.id);
        state.emails.insert(key, user.id);
        if let Some(session) = session {
            state.insert_session(user.id, session, now);
        }
        Ok(Registered::Done(Box::new(user)))
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let state = self.enter()?;
        let id = state.emails.get(email.key());
        Ok(id.and_then(|id| state.users.get(id)).map(|account| account.user.clone()))
    }

    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.enter()?.users.get(&user).map(|account| account.user.clone()))
    }

    async fn rename(
        &self,
        user: UserId,
        name: Option<DisplayName>,
        _now: Stamp,
    ) -> Result<Option<User>, StoreError> {
        let mut state = self.enter()?;
        Ok(state.users.get_mut(&user).map(|account| {
            account.user.display_name = name;
            account.user.clone()
        }))
    }

    async fn set_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordHash,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<PasswordSet, StoreError> {
        check(ending);
        let mut state = self.enter()?;
        let account =
            state.users.get_mut(&user).filter(|account| account.user.password.as_ref() == Some(old));
        let Some(account) = account else {
            return Ok(PasswordSet::Changed);
        };
        account.user.password = Some(new);
        Ok(PasswordSet::Done(state.end_where(user, ending, |session| Some(session.id) != keep)))
    }

    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        let account =
            state.users.get_mut(&user).filter(|account| account.user.password.as_ref() == Some(old));
        if let Some(account) = account {
            account.user.password = Some(new);
        }
        Ok(())
    }
}
