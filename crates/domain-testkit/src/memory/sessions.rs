//! Sessions, refresh tokens and revocations.

use async_trait::async_trait;
use domain::session::refresh::{RefreshFacts, RefreshVerdict, judge};
use domain::session::{
    Device, Ending, NewSession, Opened, RefreshToken, Refreshed, Revocation, Revoked, Session, SessionStore,
    Successor, TokenHash,
};
use domain::{SessionId, Stamp, StoreError, UserId};

use super::{MemoryStore, State, check};

#[async_trait]
impl SessionStore for MemoryStore {
    async fn open(
        &self,
        user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<Opened, StoreError> {
        check(ending);
        assert!(cap > 0, "a cap that leaves no room for the session to be opened");
        let mut state = self.enter()?;
        let Some(account) = state.users.get_mut(&user).filter(|account| account.user.is_active) else {
            return Ok(Opened::NoSuchUser);
        };
        account.user.last_login_at = Some(ending.at);
        let mut live: Vec<_> = state
            .sessions
            .values()
            .filter(|session| {
                session.user == user && session.ended.is_none() && session.expires_at > ending.at
            })
            .map(|session| (session.created_at, session.id))
            .collect();
        live.sort_unstable();
        let room = usize::try_from(cap).unwrap_or(usize::MAX) - 1;
        live.truncate(live.len().saturating_sub(room));
        let ended = live.iter().map(|(_, id)| state.end(*id, ending)).collect();
        state.insert_session(user, session, ending.at);
        Ok(Opened::Done(ended))
    }

    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshToken>, StoreError> {
        Ok(self.enter()?.tokens.get(hash).cloned())
    }

    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Refreshed, StoreError> {
        check(ending);
        let mut state = self.enter()?;
        let Some(facts) = state.facts(presented) else {
            return Ok(Refreshed::Unknown);
        };
        let id = facts.session.id;
        let hash = match judge(&facts, ending.at) {
            RefreshVerdict::Rotate => {
                state.replace(&facts.token, successor, ending.at);
                successor.hash
            }
            RefreshVerdict::Repeat(hash) => hash,
            RefreshVerdict::Reused => return Ok(Refreshed::Reused(state.end(id, ending))),
            RefreshVerdict::Expired => return Ok(Refreshed::Expired),
            RefreshVerdict::Ended => return Ok(Refreshed::Ended),
            RefreshVerdict::Disabled => return Ok(Refreshed::Disabled),
        };
        let session = state.session(id);
        session.last_used_at = ending.at;
        session.device = Device { client_id: session.device.client_id.take(), ..device.clone() };
        Ok(Refreshed::Done { user: Box::new(facts.user), session: id, hash })
    }

    async fn end(
        &self,
        user: UserId,
        session: SessionId,
        ending: Ending,
    ) -> Result<Option<Revocation>, StoreError> {
        check(ending);
        Ok(self.enter()?.end_where(user, ending, |candidate| candidate.id == session).pop())
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<Vec<Revocation>, StoreError> {
        check(ending);
        Ok(self.enter()?.end_where(user, ending, |session| Some(session.id) != keep))
    }

    async fn revocations(&self, since: Option<Stamp>, now: Stamp) -> Result<Vec<Revocation>, StoreError> {
        let state = self.enter()?;
        let wanted = |revocation: &&Revocation| Some(revocation.at) >= since && revocation.until > now;
        Ok(state.revocations.iter().filter(wanted).copied().collect())
    }
}

impl State {
    pub(super) fn insert_session(&mut self, user: UserId, new: NewSession, now: Stamp) {
        let session = Session {
            id: new.id,
            user,
            device: new.device,
            created_at: now,
            last_used_at: now,
            expires_at: new.expires_at,
            ended: None,
        };
        let token = RefreshToken {
            id: new.token,
            session: new.id,
            user,
            generation: 0,
            hash: new.hash,
            expires_at: new.expires_at,
            replaced: None,
        };
        assert!(self.sessions.insert(new.id, session).is_none(), "the id {} was given before", new.id);
        self.insert_token(token);
    }

    /// Ends the user's sessions that are `chosen` and have not ended.
    pub(super) fn end_where(
        &mut self,
        user: UserId,
        ending: Ending,
        chosen: impl Fn(&Session) -> bool,
    ) -> Vec<Revocation> {
        let to_end: Vec<_> = self
            .sessions
            .values()
            .filter(|session| session.user == user && session.ended.is_none() && chosen(session))
            .map(|session| session.id)
            .collect();
        to_end.into_iter().map(|id| self.end(id, ending)).collect()
    }

    fn end(&mut self, id: SessionId, Ending { reason, at, until }: Ending) -> Revocation {
        let session = self.session(id);
        session.ended = Some((at, reason));
        let revocation = Revocation { what: Revoked::Session(id), user: session.user, reason, at, until };
        self.revocations.push(revocation);
        revocation
    }

    fn facts(&self, presented: &TokenHash) -> Option<RefreshFacts> {
        let token = self.tokens.get(presented)?.clone();
        let successor = token.replaced.map(|(_, id)| {
            self.tokens
                .values()
                .find(|token| token.id == id)
                .expect("a token points at one that exists")
                .clone()
        });
        let session = self.sessions[&token.session].clone();
        let user = self.users[&token.user].user.clone();
        Some(RefreshFacts { token, successor, session, user })
    }

    fn replace(&mut self, token: &RefreshToken, successor: Successor, now: Stamp) {
        let Successor { id, hash, expires_at } = successor;
        let generation = token.generation + 1;
        self.insert_token(RefreshToken { id, hash, expires_at, generation, replaced: None, ..token.clone() });
        self.tokens.get_mut(&token.hash).expect("was loaded").replaced = Some((now, id));
        self.session(token.session).expires_at = expires_at;
    }

    fn insert_token(&mut self, token: RefreshToken) {
        let id = token.id;
        let twin = self.tokens.values().any(|other| other.id == id);
        let same_hash = self.tokens.insert(token.hash, token).is_some();
        assert!(!twin && !same_hash, "the id or the hash of refresh token {id} was given before");
    }

    fn session(&mut self, id: SessionId) -> &mut Session {
        self.sessions.get_mut(&id).expect("a session that was loaded under this lock")
    }
}
