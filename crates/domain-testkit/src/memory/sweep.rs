//! Deletes expired rows and old tombstones.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use domain::session::{Cutoffs, RefreshToken, Revocation, Revoked};
use domain::todo::Todo;
use domain::{SessionId, Stamp, TodoId, UserId};

use super::State;

impl State {
    pub(super) fn sweep(&mut self, cutoffs: &Cutoffs, limit: usize) -> u64 {
        let tokens = self.tokens.iter().filter(|(_, token)| token.expires_at <= cutoffs.logins);
        let tokens: Vec<_> = tokens.map(|(hash, _)| *hash).take(limit).collect();
        let mut removed = remove(&mut self.tokens, tokens);

        let with_tokens: HashSet<_> = self.tokens.values().map(|token| token.session).collect();
        let sessions = self.sessions.values().filter(|session| {
            session.expires_at <= cutoffs.logins
                && self.access_until[&session.id] <= cutoffs.access
                && !with_tokens.contains(&session.id)
        });
        let sessions: Vec<_> = sessions.map(|session| session.id).take(limit).collect();
        removed += remove(&mut self.sessions, sessions);

        let one_time = self
            .one_time
            .iter()
            .filter(|(_, one_time)| one_time.used || one_time.token.expires_at <= cutoffs.one_time_tokens);
        let one_time: Vec<_> = one_time.map(|(hash, _)| *hash).take(limit).collect();
        removed += remove(&mut self.one_time, one_time);

        let mails = self.mails.iter().filter(|(_, mail)| mail.finished_before(cutoffs.mails));
        let mails: Vec<_> = mails.map(|(id, _)| *id).take(limit).collect();
        removed += mails.len();
        self.mails.retain(|id, _| !mails.contains(id));

        let over = self.revocations.iter().filter(|(_, kept)| kept.until <= cutoffs.revocations);
        let ended: HashSet<_> = over.filter_map(|(_, kept)| session_of(kept)).collect();
        let replaced = |token: &RefreshToken| token.replaced.is_some() && ended.contains(&token.session);
        let tokens = self.tokens.iter().filter(|(_, token)| replaced(token));
        let tokens: Vec<_> = tokens.map(|(hash, _)| *hash).take(limit).collect();
        removed += remove(&mut self.tokens, tokens);

        let left = self.tokens.values().filter(|token| replaced(token));
        let left: HashSet<_> = left.map(|token| token.session).collect();
        let over = self.revocations.extract_if(.., |(_, kept)| {
            kept.until <= cutoffs.revocations
                && session_of(kept).is_none_or(|session| !left.contains(&session))
        });
        removed += over.take(limit).count();
        removed as u64
    }

    pub(super) fn sweep_tombstones(&mut self, before: Stamp, limit: usize) -> u64 {
        let swept = self.oldest_tombstones(before, limit, |_| true);
        for (user, id) in &swept {
            let account = self.users.get_mut(user).expect("the user of a tombstone found above");
            let removed =
                account.todos.remove(id).filter(Todo::deleted).expect("only tombstones are removed");
            let row = &mut account.row;
            row.horizon = row.horizon.max(removed.updated_at());
            row.tombstones -= 1;
            row.stored_bytes -= removed.stored_bytes();
        }
        self.check_all(&swept);
        swept.len() as u64
    }

    pub(super) fn shrink_tombstones(&mut self, before: Stamp, limit: usize) -> u64 {
        let shrunk = self.oldest_tombstones(before, limit, |todo| !todo.is_shrunk());
        for (user, id) in &shrunk {
            self.users.get_mut(user).expect("the user of a tombstone found above").shrink(*id);
        }
        self.check_all(&shrunk);
        shrunk.len() as u64
    }

    /// Checks each user once: a recount reads all of the user's todos.
    fn check_all(&self, changed: &[(UserId, TodoId)]) {
        let users: BTreeSet<_> = changed.iter().map(|(user, _)| user).collect();
        for user in users {
            self.users[user].check();
        }
    }

    /// Up to `limit` tombstones deleted before `before`, the oldest first.
    fn oldest_tombstones(
        &self,
        before: Stamp,
        limit: usize,
        filter: impl Fn(&Todo) -> bool,
    ) -> Vec<(UserId, TodoId)> {
        let mut old = BTreeSet::new();
        for (user, account) in &self.users {
            for todo in account.todos.values().filter(|todo| filter(todo)) {
                if let Some(deleted) = todo.deleted_at().filter(|deleted| *deleted < before) {
                    old.insert((deleted, *user, todo.id()));
                }
            }
        }
        old.into_iter().take(limit).map(|(_, user, id)| (user, id)).collect()
    }
}

fn session_of(revocation: &Revocation) -> Option<SessionId> {
    match revocation.what {
        Revoked::Session(id) => Some(id),
        Revoked::User(_) => None,
    }
}

fn remove<K: Eq + Hash, V>(from: &mut HashMap<K, V>, keys: Vec<K>) -> usize {
    keys.into_iter().filter(|key| from.remove(key).is_some()).count()
}
