//! Deletes expired rows and old tombstones.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use domain::Stamp;
use domain::todo::Todo;

use super::State;

/// How long an email is kept after it was sent or abandoned.
const MAILS_KEPT: Duration = Duration::from_hours(7 * 24);

impl State {
    pub(super) fn sweep(&mut self, now: Stamp, limit: usize) -> u64 {
        let tokens = self.tokens.iter().filter(|(_, token)| token.expires_at <= now);
        let tokens: Vec<_> = tokens.map(|(hash, _)| *hash).take(limit).collect();
        let mut removed = remove(&mut self.tokens, tokens);

        let with_tokens: HashSet<_> = self.tokens.values().map(|token| token.session).collect();
        let sessions = self.sessions.values().filter(|s| s.expires_at <= now && !with_tokens.contains(&s.id));
        let sessions: Vec<_> = sessions.map(|session| session.id).take(limit).collect();
        removed += remove(&mut self.sessions, sessions);

        let one_time = self.one_time.iter().filter(|(_, one_time)| one_time.token.expires_at <= now);
        let one_time: Vec<_> = one_time.map(|(hash, _)| *hash).take(limit).collect();
        removed += remove(&mut self.one_time, one_time);

        let old = now.minus(MAILS_KEPT);
        let mails = self.mails.iter().filter(|(_, mail)| mail.finished_before(old));
        let mails: Vec<_> = mails.map(|(id, _)| *id).take(limit).collect();
        removed += mails.len();
        self.mails.retain(|id, _| !mails.contains(id));

        let over = self.revocations.extract_if(.., |revocation| revocation.until <= now);
        removed += over.take(limit).count();
        removed as u64
    }

    pub(super) fn sweep_tombstones(&mut self, before: Stamp, limit: usize) -> u64 {
        let mut old = BTreeMap::new();
        for (user, account) in &self.users {
            for todo in account.todos.values() {
                if let Some(deleted) = todo.deleted_at().filter(|deleted| *deleted < before) {
                    old.insert((deleted, *user, todo.id()), todo.updated_at());
                }
            }
        }
        let swept: Vec<_> = old.into_iter().take(limit).collect();
        for ((_, user, id), stamp) in &swept {
            let account = self.users.get_mut(user).expect("the user of a tombstone found above");
            let removed = account.todos.remove(id);
            assert!(removed.as_ref().is_some_and(Todo::deleted), "only tombstones are removed: {removed:?}");
            account.horizon = account.horizon.max(*stamp);
        }
        swept.len() as u64
    }
}

fn remove<K: Eq + Hash, V>(from: &mut HashMap<K, V>, keys: Vec<K>) -> usize {
    keys.into_iter().filter(|key| from.remove(key).is_some()).count()
}
