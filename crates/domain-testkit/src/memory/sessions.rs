//! The session store: sessions, refresh tokens and revocations.

use std::cmp::Reverse;

use async_trait::async_trait;
use domain::one_time::Purpose;
use domain::session::refresh::{KEPT, RefreshFacts, RefreshVerdict, judge};
use domain::session::{
    Cutoffs, Device, Ending, FeedPosition, LoginFacts, NewSession, OpenRefusal, OpenedSession, Proof,
    RefreshToken, Revocation, RevocationFeed, Revoked, Rotated, Session, SessionStore, Successor, TokenHash,
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
    ) -> Result<Result<OpenedSession, OpenRefusal>, StoreError> {
        check(ending);
        let mut state = self.enter()?;
        let checked = state.check(user, &session, ending.at);
        Ok(checked.map(|trusted_from| state.open(user, session, trusted_from, cap, ending)))
    }

    async fn find(&self, hash: &TokenHash) -> Result<Option<RefreshFacts>, StoreError> {
        Ok(self.enter()?.facts(hash))
    }

    async fn newest(&self, user: UserId, session: SessionId) -> Result<Option<RefreshFacts>, StoreError> {
        let state = self.enter()?;
        let of_session = state.tokens.values().filter(|token| (token.user, token.session) == (user, session));
        let newest = of_session.max_by_key(|token| token.generation);
        Ok(newest.and_then(|token| state.facts(&token.hash)))
    }

    async fn live(&self, user: UserId, now: Stamp) -> Result<Vec<Session>, StoreError> {
        let state = self.enter()?;
        let mut live: Vec<_> = state.live(user, now).cloned().collect();
        live.sort_unstable_by_key(|session| Reverse((session.last_used_at, session.id)));
        Ok(live)
    }

    async fn rotate(
        &self,
        presented: &TokenHash,
        successor: Successor,
        device: &Device,
        ending: Ending,
    ) -> Result<Rotated, StoreError> {
        check(ending);
        let mut state = self.enter()?;
        let Some(facts) = state.facts(presented) else {
            return Ok(Rotated::Unknown);
        };
        let id = facts.session.id;
        let hash = match judge(&facts, ending.at) {
            RefreshVerdict::Rotate => {
                state.replace(&facts.token, successor, ending.at);
                successor.hash
            }
            RefreshVerdict::Repeat { hash, late } => {
                if late {
                    state.session(id).late_repeat_at = Some(ending.at);
                }
                hash
            }
            RefreshVerdict::Reused => return Ok(Rotated::Reused(state.end(id, ending))),
            RefreshVerdict::Expired => return Ok(Rotated::Expired),
            RefreshVerdict::Ended => return Ok(Rotated::Ended),
            RefreshVerdict::Disabled => return Ok(Rotated::Disabled),
        };
        state.touch(id, device, ending.at, successor.access_until);
        Ok(Rotated::Done { user: Box::new(facts.user), session: id, hash })
    }

    async fn touch(
        &self,
        user: UserId,
        session: SessionId,
        device: &Device,
        now: Stamp,
        access_until: Stamp,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        let known = state.sessions.get(&session);
        if known.is_some_and(|session| session.user == user && session.ended.is_none()) {
            state.touch(session, device, now, access_until);
        }
        Ok(())
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
        let mut state = self.enter()?;
        state.invalidate(user, |purpose| purpose == Purpose::OAuthHandOff);
        Ok(state.end_where(user, ending, |session| Some(session.id) != keep))
    }

    async fn revocations(
        &self,
        after: Option<FeedPosition>,
        now: Stamp,
    ) -> Result<RevocationFeed, StoreError> {
        let state = self.enter()?;
        let later = state.revocations.iter().filter(|(position, _)| Some(*position) > after);
        let kept = later.map(|(_, revocation)| *revocation).filter(|revocation| revocation.until > now);
        let users = state.users.values().map(|account| &account.user);
        Ok(RevocationFeed {
            revocations: kept.collect(),
            position: state.last_position,
            database_time: None,
            disabled: users.filter(|user| !user.is_active).map(|user| user.id).collect(),
        })
    }

    async fn sweep(&self, cutoffs: &Cutoffs, limit: u32) -> Result<u64, StoreError> {
        Ok(self.enter()?.sweep(cutoffs, usize::try_from(limit).unwrap_or(usize::MAX)))
    }
}

impl State {
    fn touch(&mut self, id: SessionId, device: &Device, now: Stamp, access_until: Stamp) {
        let until = self.access_until.entry(id).or_insert(access_until);
        *until = access_until.max(*until);
        let session = self.session(id);
        session.last_used_at = now;
        session.device = Device { client_id: session.device.client_id.take(), ..device.clone() };
    }

    /// Whether the session, if any, is a live one of the user, whose account is enabled.
    pub(super) fn is_live(&self, user: UserId, session: Option<SessionId>, now: Stamp) -> bool {
        let enabled = || self.users.get(&user).is_some_and(|account| account.user.is_active);
        session.is_none_or(|session| enabled() && self.live(user, now).any(|live| live.id == session))
    }

    /// The sessions of the user that have neither ended nor expired.
    fn live(&self, user: UserId, now: Stamp) -> impl Iterator<Item = &Session> {
        let of_user = self.sessions.values().filter(move |session| session.user == user);
        of_user.filter(move |session| session.ended.is_none() && session.expires_at > now)
    }

    /// See [`NewSession::check`].
    pub(super) fn check(&self, user: UserId, session: &NewSession, now: Stamp) -> Result<Stamp, OpenRefusal> {
        let linked_at = match &session.proof {
            Proof::Identity { provider, subject } => {
                let identity = self.identities.get(&(provider.clone(), subject.clone()));
                identity.filter(|identity| identity.user == user).map(|identity| identity.created_at)
            }
            _ => None,
        };
        let user = self.users.get(&user).map(|account| account.user.clone());
        session.check(&LoginFacts { user, linked_at }, now)
    }

    /// Opens a session for an existing user and ends the oldest ones over the cap.
    pub(super) fn open(
        &mut self,
        user: UserId,
        session: NewSession,
        trusted_from: Stamp,
        cap: u32,
        ending: Ending,
    ) -> OpenedSession {
        assert!(cap > 0, "the cap must allow at least one session");
        self.users.get_mut(&user).expect("the user exists").user.last_login_at = Some(ending.at);
        let mut live: Vec<_> =
            self.live(user, ending.at).map(|session| (session.created_at, session.id)).collect();
        live.sort_unstable();
        let room = usize::try_from(cap).unwrap_or(usize::MAX) - 1;
        live.truncate(live.len().saturating_sub(room));
        let ended = live.iter().map(|(_, id)| self.end(*id, ending)).collect();
        self.remove_ended(user);
        self.insert_session(user, session, trusted_from, ending.at);
        OpenedSession { user: Box::new(self.users[&user].user.clone()), ended }
    }

    /// Deletes ended sessions beyond those that are kept.
    fn remove_ended(&mut self, user: UserId) {
        let ended = self.sessions.values().filter(|session| session.user == user && session.ended.is_some());
        let mut ended: Vec<_> = ended.map(|session| Reverse((session.created_at, session.id))).collect();
        ended.sort_unstable();
        let [kept, removed] =
            [Session::ENDED_KEPT, Session::ENDED_REMOVED].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        for Reverse((_, id)) in ended.into_iter().skip(kept).take(removed) {
            self.sessions.remove(&id);
            self.tokens.retain(|_, token| token.session != id);
        }
    }

    pub(super) fn insert_session(&mut self, user: UserId, new: NewSession, trusted_from: Stamp, now: Stamp) {
        let session = Session {
            id: new.id,
            user,
            device: new.device,
            created_at: now,
            last_used_at: now,
            expires_at: new.expires_at,
            late_repeat_at: None,
            trusted_from,
            ended: None,
        };
        self.access_until.insert(new.id, new.access_until);
        let token = RefreshToken {
            id: new.token,
            session: new.id,
            user,
            generation: 0,
            hash: new.hash,
            expires_at: new.expires_at,
            replaced: None,
        };
        assert!(self.sessions.insert(new.id, session).is_none(), "the id {} is already in use", new.id);
        self.insert_token(token);
    }

    /// Ends the sessions of the user that match `chosen` and have not ended.
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
        let until = until.max(self.access_until[&id]);
        let session = self.session(id);
        session.ended = Some((at, reason));
        let revocation = Revocation { what: Revoked::Session(id), user: session.user, reason, at, until };
        self.revoke(revocation);
        revocation
    }

    pub(super) fn revoke(&mut self, revocation: Revocation) {
        self.last_position.0 += 1;
        self.revocations.push((self.last_position, revocation));
    }

    fn facts(&self, presented: &TokenHash) -> Option<RefreshFacts> {
        let token = self.tokens.get(presented)?.clone();
        // `None` if the successor was swept before this token.
        let successor = token.replaced.and_then(|(_, id)| self.tokens.values().find(|token| token.id == id));
        let successor = successor.cloned();
        let session = self.sessions[&token.session].clone();
        // The tokens of a deleted user stay for a while.
        let user = self.users.get(&token.user)?.user.clone();
        Some(RefreshFacts { token, successor, session, user })
    }

    fn replace(&mut self, token: &RefreshToken, successor: Successor, now: Stamp) {
        let Successor { id, hash, expires_at, .. } = successor;
        let generation = token.generation + 1;
        let new = RefreshToken { id, hash, expires_at, generation, replaced: None, ..token.clone() };
        self.insert_token(new);
        self.tokens.get_mut(&token.hash).expect("a token that was loaded under this lock").replaced =
            Some((now, id));
        self.session(token.session).expires_at = expires_at;
        self.tokens.retain(|_, old| {
            old.session != token.session
                || old.generation >= token.generation
                || old.replaced.is_none_or(|(at, _)| at >= now.minus(KEPT))
        });
    }

    fn insert_token(&mut self, token: RefreshToken) {
        let id = token.id;
        let twin = self.tokens.values().any(|other| other.id == id);
        let same_hash = self.tokens.insert(token.hash, token).is_some();
        assert!(!twin && !same_hash, "the id or the hash of refresh token {id} is already in use");
    }

    fn session(&mut self, id: SessionId) -> &mut Session {
        self.sessions.get_mut(&id).expect("a session that was loaded under this lock")
    }
}
