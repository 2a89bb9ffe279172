//! The account store.

use async_trait::async_trait;
use domain::account::{
    AccountRecords, AccountStore, EmailChange, KeepSession, NewUser, PasswordSet, ProfileChange,
    ProfileChanged, Registered,
};
use domain::mail::Notice;
use domain::one_time::{PasswordReplacement, Purpose};
use domain::session::{Ending, NewSession, Revocation, Revoked, TokenHash};
use domain::user::{Email, PasswordHash, User};
use domain::{SessionId, Stamp, StoreError, UserId};

use super::one_time::OneTime;
use super::outbox::Mail;
use super::{MemoryStore, State, check};

#[async_trait]
impl AccountStore for MemoryStore {
    async fn register(
        &self,
        new: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError> {
        let mut state = self.enter()?;
        if let Some(hash) = &new.invitation
            && !is_invited(&mut state, hash, &new.email, now)
        {
            return Ok(Registered::NotInvited);
        }
        if state.by_email(&new.email).is_some() {
            return Ok(Registered::EmailTaken);
        }
        if let Some(hash) = &new.invitation {
            state.consume(Purpose::Invitation, hash, now);
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
            email_changed_at: None,
            password_reset_at: None,
        };
        state.insert_user(user.clone());
        if let Some(session) = session {
            state.insert_session(user.id, session, now, now);
        }
        if let Some(sent) = new.verification {
            state.send(sent, now);
        }
        Ok(Registered::Done(Box::new(user)))
    }

    async fn is_invited(
        &self,
        invitation: &TokenHash,
        email: &Email,
        now: Stamp,
    ) -> Result<bool, StoreError> {
        Ok(is_invited(&mut *self.enter()?, invitation, email, now))
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        Ok(self.enter()?.by_email(email).cloned())
    }

    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.enter()?.users.get(&user).map(|account| account.user.clone()))
    }

    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        now: Stamp,
    ) -> Result<ProfileChanged, StoreError> {
        let ProfileChange { display_name, email } = change;
        let mut state = self.enter()?;
        if !state.users.contains_key(&user) {
            return Ok(ProfileChanged::NoSuchUser);
        }
        if let Some(change) = email {
            if !state.is_live(user, change.session, now) {
                return Ok(ProfileChanged::SessionEnded);
            }
            if state.by_email(&change.email).is_some_and(|owner| owner.id != user) {
                return Ok(ProfileChanged::EmailTaken);
            }
            state.change_email(user, change, now);
        }
        let changed = &mut state.users.get_mut(&user).expect("the user exists").user;
        if let Some(name) = display_name {
            changed.display_name = name;
        }
        Ok(ProfileChanged::Done(Box::new(changed.clone())))
    }

    async fn set_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordReplacement,
        session: Option<SessionId>,
        keep: KeepSession,
    ) -> Result<PasswordSet, StoreError> {
        let ending = new.ending;
        check(ending);
        let mut state = self.enter()?;
        if !state.is_live(user, session, ending.at) {
            return Ok(PasswordSet::SessionEnded);
        }
        let account =
            state.users.get_mut(&user).filter(|account| account.user.password.as_ref() == Some(old));
        let Some(account) = account else {
            return Ok(PasswordSet::Changed);
        };
        account.user.password = Some(new.password);
        state.invalidate(user, |purpose| purpose != Purpose::VerifyEmail);
        if let Some(notice) = new.notice {
            state.queue(notice, ending.at);
        }
        let keep = session.filter(|_| keep == KeepSession::Own);
        Ok(PasswordSet::Done(state.end_where(user, ending, |session| Some(session.id) != keep)))
    }

    async fn delete(
        &self,
        user: UserId,
        session: Option<SessionId>,
        notice: Notice,
        ending: Ending,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        check(ending);
        let mut state = self.enter()?;
        if !state.is_live(user, session, ending.at) {
            return Ok(None);
        }
        let Some(account) = state.users.remove(&user) else {
            return Ok(None);
        };
        state.emails.retain(|_, owner| *owner != user);
        state.end_where(user, ending, |_| true);
        state.revocations.retain(|(_, revocation)| revocation.user != user);
        state.one_time.retain(|_, one_time| one_time.token.user != Some(user));
        state.mails.retain(|_, mail| mail.content.user != Some(user));
        state.identities.retain(|_, identity| identity.user != user);
        if let Some(mail) = notice.to(&account.user) {
            state.queue(mail, ending.at);
        }
        let Ending { reason, at, until } = ending;
        let revocation = Revocation { what: Revoked::User(user), user, reason, at, until };
        state.revoke(revocation);
        Ok(Some(vec![revocation]))
    }

    async fn delete_remains(&self, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let State { users, sessions, tokens, .. } = &mut *state;
        let over = tokens.extract_if(|_, token| !users.contains_key(&token.user));
        let deleted = over.take(limit as usize).count();
        if deleted < limit as usize {
            sessions.retain(|_, session| users.contains_key(&session.user));
        }
        Ok(deleted as u64)
    }

    async fn records(&self, user: UserId) -> Result<Option<AccountRecords>, StoreError> {
        let state = self.enter()?;
        let Some(account) = state.users.get(&user) else {
            return Ok(None);
        };
        let of_user = state.identities.iter().filter(|(_, identity)| identity.user == user);
        let mails = state.mails.values().filter(|mail| mail.content.user == Some(user));
        let tokens = state.one_time.values().filter(|one_time| one_time.token.user == Some(user));
        Ok(Some(AccountRecords {
            user: account.user.clone(),
            sessions: state.sessions.values().filter(|session| session.user == user).cloned().collect(),
            identities: of_user.map(|(key, identity)| identity.record(key)).collect(),
            mails: mails.map(Mail::record).collect(),
            one_time_tokens: tokens.map(OneTime::record).collect(),
        }))
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let state = self.enter()?;
        let mut users: Vec<_> = state.users.values().map(|account| account.user.clone()).collect();
        users.sort_unstable_by_key(|user| user.id);
        users.retain(|user| after.is_none_or(|after| user.id > after));
        users.truncate(limit as usize);
        Ok(users)
    }

    async fn set_active(&self, user: UserId, active: bool, _now: Stamp) -> Result<bool, StoreError> {
        let mut state = self.enter()?;
        let found = state.users.get_mut(&user);
        Ok(found.map(|account| account.user.is_active = active).is_some())
    }

    async fn mark_verified(&self, user: UserId, email: &Email, _now: Stamp) -> Result<bool, StoreError> {
        let mut state = self.enter()?;
        let found = state.users.get_mut(&user).filter(|account| account.user.email.as_ref() == Some(email));
        Ok(found.map(|account| account.user.email_verified = true).is_some())
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

impl State {
    fn change_email(&mut self, user: UserId, change: EmailChange, now: Stamp) {
        let EmailChange { email, verification, notice, .. } = change;
        self.emails.retain(|_, owner| *owner != user);
        self.emails.insert(email.key().to_owned(), user);
        let changed = &mut self.users.get_mut(&user).expect("the user exists").user;
        changed.email = Some(email);
        changed.email_verified = false;
        changed.email_changed_at = Some(now);
        self.send(verification, now);
        if let Some(notice) = notice {
            self.queue(notice, now);
        }
    }
}

fn is_invited(state: &mut State, invitation: &TokenHash, email: &Email, now: Stamp) -> bool {
    let found = state.valid(Purpose::Invitation, invitation, now);
    found.is_some_and(|found| Email::from_stored(found.token.payload.clone()) == *email)
}
