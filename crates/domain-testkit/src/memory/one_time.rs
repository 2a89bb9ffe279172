//! The store of one-time tokens.

use async_trait::async_trait;
use domain::account::OneTimeTokenRecord;
use domain::one_time::{
    ConsumedToken, EmailToken, MagicLinkLogin, NewOneTimeToken, OneTimeStore, PasswordReplacement, Purpose,
};
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::user::{Email, User};
use domain::{Stamp, StoreError, UserId};

use super::{MemoryStore, State, check};

pub(super) struct OneTime {
    pub token: NewOneTimeToken,
    pub used: bool,
}

impl OneTime {
    pub fn record(&self) -> OneTimeTokenRecord {
        OneTimeTokenRecord { purpose: self.token.purpose, expires_at: self.token.expires_at, used: self.used }
    }
}

#[async_trait]
impl OneTimeStore for MemoryStore {
    async fn send(&self, sent: EmailToken, now: Stamp) -> Result<(), StoreError> {
        self.enter()?.send(sent, now);
        Ok(())
    }

    async fn put(&self, token: NewOneTimeToken) -> Result<(), StoreError> {
        self.enter()?.put(token);
        Ok(())
    }

    async fn consume(
        &self,
        purpose: Purpose,
        hash: &TokenHash,
        now: Stamp,
    ) -> Result<Option<ConsumedToken>, StoreError> {
        let token = self.enter()?.consume(purpose, hash, now);
        Ok(token.map(|token| ConsumedToken { user: token.user, payload: token.payload }))
    }

    async fn verify_email(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let mut state = self.enter()?;
        let Some(token) = state.consume(Purpose::VerifyEmail, hash, now) else {
            return Ok(None);
        };
        Ok(state.addressee(&token).map(|user| {
            user.email_verified = true;
            user.clone()
        }))
    }

    async fn resettable(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let mut state = self.enter()?;
        let Some(token) = state.valid(Purpose::ResetPassword, hash, now).map(|found| found.token.clone())
        else {
            return Ok(None);
        };
        Ok(state.addressee(&token).cloned())
    }

    async fn reset_password(
        &self,
        hash: &TokenHash,
        new: PasswordReplacement,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        let ending = new.ending;
        check(ending);
        let mut state = self.enter()?;
        let Some(token) = state.consume(Purpose::ResetPassword, hash, ending.at) else {
            return Ok(None);
        };
        let Some(user) = state.addressee(&token) else {
            return Ok(None);
        };
        let (id, was_verified) = (user.id, user.email_verified);
        user.password = Some(new.password);
        user.email_verified = true;
        user.password_reset_at = Some(ending.at);
        if !was_verified {
            user.display_name = None;
        }
        if !was_verified || new.unlink {
            state.remove_identities(id);
        }
        state.invalidate(id, |_| true);
        if let Some(notice) = new.notice {
            state.queue(notice, ending.at);
        }
        Ok(Some(state.end_where(id, ending, |_| true)))
    }

    async fn use_magic_link(
        &self,
        hash: &TokenHash,
        new_user: Option<UserId>,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<MagicLinkLogin, StoreError> {
        check(ending);
        let mut state = self.enter()?;
        let Some(token) = state.consume(Purpose::MagicLink, hash, ending.at) else {
            return Ok(MagicLinkLogin::Invalid);
        };
        let email = address(&token);
        let found = state.by_email(&email).map(|user| (user.id, user.is_active, user.email_verified));
        let (id, ended) = match found {
            Some((_, false, _)) => return Ok(MagicLinkLogin::Disabled),
            Some((id, true, true)) => (id, Vec::new()),
            Some((id, true, false)) => {
                let user = &mut state.users.get_mut(&id).expect("the user was found above").user;
                user.email_verified = true;
                user.password = None;
                user.display_name = None;
                state.remove_identities(id);
                state.invalidate(id, |_| true);
                (id, state.end_where(id, ending, |_| true))
            }
            None => {
                let Some(new_user) = new_user else { return Ok(MagicLinkLogin::Invalid) };
                state.insert_user(User {
                    id: new_user,
                    email: Some(email),
                    password: None,
                    display_name: None,
                    email_verified: true,
                    is_active: true,
                    created_at: ending.at,
                    last_login_at: None,
                    email_changed_at: None,
                    password_reset_at: None,
                });
                (new_user, Vec::new())
            }
        };
        state.assign(&token, id);
        let checked = state.check(id, &session, ending.at);
        let Ok(trusted_from) = checked else { return Ok(MagicLinkLogin::Disabled) };
        let mut opened = state.open(id, session, trusted_from, cap, ending);
        opened.ended.extend(ended);
        Ok(MagicLinkLogin::Done(opened))
    }
}

fn address(token: &NewOneTimeToken) -> Email {
    Email::from_stored(token.payload.clone())
}

impl State {
    pub(super) fn send(&mut self, sent: EmailToken, now: Stamp) {
        let EmailToken { token, mail } = sent;
        if self.is_unknown(token.user) {
            return;
        }
        let older = self.one_time.values_mut().filter(|older| {
            older.token.user.is_some()
                && (older.token.user, older.token.purpose) == (token.user, token.purpose)
        });
        older.for_each(|older| older.used = true);
        self.put(token);
        if let Some(mail) = mail {
            self.queue(mail, now);
        }
    }

    /// Marks the user's tokens of the chosen purposes as used.
    pub(super) fn invalidate(&mut self, user: UserId, chosen: impl Fn(Purpose) -> bool) {
        let of_user = self.one_time.values_mut().filter(|found| found.token.user == Some(user));
        of_user.filter(|found| chosen(found.token.purpose)).for_each(|found| found.used = true);
    }

    fn is_unknown(&self, user: Option<UserId>) -> bool {
        user.is_some_and(|user| !self.users.contains_key(&user))
    }

    fn put(&mut self, token: NewOneTimeToken) {
        if self.is_unknown(token.user) {
            return;
        }
        let (id, hash) = (token.id, token.hash);
        let twin = self.one_time.values().any(|other| other.token.id == id);
        let same_hash = self.one_time.insert(hash, OneTime { token, used: false }).is_some();
        assert!(!twin && !same_hash, "the id or the hash of one-time token {id:?} is already in use");
    }

    pub(super) fn valid(&mut self, purpose: Purpose, hash: &TokenHash, now: Stamp) -> Option<&mut OneTime> {
        let found = self.one_time.get_mut(hash);
        found.filter(|found| found.token.purpose == purpose && !found.used && now < found.token.expires_at)
    }

    pub(super) fn consume(
        &mut self,
        purpose: Purpose,
        hash: &TokenHash,
        now: Stamp,
    ) -> Option<NewOneTimeToken> {
        let found = self.valid(purpose, hash, now)?;
        found.used = true;
        Some(found.token.clone())
    }

    /// The user of the token, if the address that it was sent to is still current.
    fn addressee(&mut self, token: &NewOneTimeToken) -> Option<&mut User> {
        let user = &mut self.users.get_mut(&token.user?)?.user;
        (user.email == Some(address(token))).then_some(user)
    }

    /// Assigns a token without a user, and its email, to the account that it created or logged in
    /// to.
    fn assign(&mut self, token: &NewOneTimeToken, user: UserId) {
        if token.user.is_some() {
            return;
        }
        self.one_time.get_mut(&token.hash).expect("the token was consumed above").token.user = Some(user);
        let mails = self.mails.values_mut().filter(|mail| mail.content.token == Some(token.id));
        mails.for_each(|mail| mail.content.user = Some(user));
    }
}
