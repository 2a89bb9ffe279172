//! Ghosts: a record of what the author of each value had seen.
//!
//! A ghost is a variable that exists for a proof only. Each value that a user types gets a
//! [`Token`], which travels with the value through devices and server without influencing either.
//! A token *knows* the tokens of the values that its author saw and replaced. At the end of a run,
//! a value is accounted for if the value in its place knows it, directly or through others. A value
//! that is not accounted for was lost silently.
//!
//! Deliberately absent: the values, and any rule about them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::TodoId;

use super::token::Token;
use super::values::{Key, Row};

/// The record of one simulation, shared by its devices and its server.
#[derive(Clone, Debug, Default)]
pub struct Ghosts(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    /// The token `n` is at index `n - 1`.
    origins: Vec<Origin>,
    shown: HashSet<Token>,
    lost: HashSet<Token>,
    acknowledged_deletions: HashSet<Token>,
    last_deletions: BTreeMap<TodoId, Token>,
    initial: BTreeMap<(TodoId, Key), Token>,
}

#[derive(Debug)]
struct Origin {
    id: TodoId,
    key: Key,
    knows: Vec<Token>,
}

/// Tokens with everything that they know.
#[derive(Clone, Debug)]
pub struct Closure(Vec<bool>);

impl Closure {
    /// Whether the token is included.
    #[must_use]
    pub fn contains(&self, token: Token) -> bool {
        token != Token::NONE && self.0[token.0 as usize - 1]
    }
}

impl Ghosts {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().expect("no holder panicked")
    }

    /// A token for a new value of `key`, whose author saw the values in `knows`.
    pub fn token(&self, id: TodoId, key: Key, knows: impl IntoIterator<Item = Token>) -> Token {
        let knows = knows.into_iter().filter(|token| *token != Token::NONE).collect();
        let mut record = self.record();
        record.origins.push(Origin { id, key, knows });
        Token(u32::try_from(record.origins.len()).expect("few tokens"))
    }

    /// The token of the value that a new todo has in a field which its author did not name. No
    /// user typed it, so it need not be accounted for.
    #[must_use]
    pub fn initial(&self, id: TodoId, key: Key) -> Token {
        if let Some(token) = self.record().initial.get(&(id, key)) {
            return *token;
        }
        let token = self.token(id, key, []);
        let mut record = self.record();
        record.shown.insert(token);
        record.initial.insert((id, key), token);
        token
    }

    /// The tokens of everything that the todo shows to its user.
    #[must_use]
    pub fn shown_by(&self, row: &Row) -> Vec<Token> {
        Key::ALL.into_iter().map(|key| self.shown_in(row, key)).collect()
    }

    /// The token of what the todo shows in a field.
    #[must_use]
    pub fn shown_in(&self, row: &Row, key: Key) -> Token {
        row.fields.get(&key).map_or_else(|| self.initial(row.id, key), |held| held.token)
    }

    /// From now on, `token` knows `other`.
    pub fn learn(&self, token: Token, other: Token) {
        if token != Token::NONE && other != Token::NONE && token != other {
            self.record().origins[token.0 as usize - 1].knows.push(other);
        }
    }

    /// Records that two tokens stand for the same value in the same place: each knows the other.
    pub fn equate(&self, one: Token, other: Token) {
        self.learn(one, other);
        self.learn(other, one);
    }

    /// `tokens` and all that they know.
    #[must_use]
    pub fn closure(&self, tokens: impl IntoIterator<Item = Token>) -> Closure {
        self.record().closure(tokens)
    }

    /// Records that a user was shown these values, and what they replaced, and let them go.
    pub fn show(&self, tokens: impl IntoIterator<Item = Token>) {
        let mut record = self.record();
        let shown = record.all_in(&record.closure(tokens));
        record.shown.extend(shown);
    }

    /// Records that the server acknowledged a deletion.
    pub fn acknowledge_deletion(&self, token: Token) {
        self.record().acknowledged_deletions.insert(token);
    }

    /// Records that the tombstone of a deletion is gone, or was never needed.
    pub fn forget_tombstone(&self, id: TodoId, deletion: Token) {
        if deletion == Token::NONE {
            return;
        }
        let earlier = self.last_deletion(id);
        let known = earlier.is_some_and(|earlier| self.closure([earlier]).contains(deletion));
        if let Some(earlier) = earlier.filter(|earlier| !known && *earlier != deletion) {
            self.learn(deletion, earlier);
        }
        if !known {
            self.record().last_deletions.insert(id, deletion);
        }
    }

    /// The last deletion of a todo whose tombstone is gone.
    #[must_use]
    pub fn last_deletion(&self, id: TodoId) -> Option<Token> {
        self.record().last_deletions.get(&id).copied()
    }

    /// Records a loss of data outside the protocol: only what `held` knows is still there. Of
    /// deletions, only those that `held` knows count.
    pub fn lose_all_but(&self, held: impl IntoIterator<Item = Token>) {
        let mut record = self.record();
        let kept = record.closure(held);
        let lost: Vec<_> = record.tokens().filter(|token| !kept.contains(*token)).collect();
        record.lost.extend(lost);
    }

    /// Records that nothing is promised about the values of `id` that are not in place.
    pub fn excuse(&self, id: TodoId) {
        let mut record = self.record();
        let excused: Vec<_> = record.tokens().filter(|token| record.origin(*token).id == id).collect();
        record.lost.extend(excused);
    }

    /// Every value that must be accounted for, as its todo, its field and its token.
    #[must_use]
    pub fn claims(&self) -> Vec<(TodoId, Key, Token)> {
        let record = self.record();
        let open = |token: &Token| !record.shown.contains(token) && !record.lost.contains(token);
        let claim = |token| (record.origin(token).id, record.origin(token).key, token);
        record.tokens().filter(open).map(claim).collect()
    }

    /// Whether the server acknowledged this deletion.
    #[must_use]
    pub fn is_acknowledged_deletion(&self, token: Token) -> bool {
        self.record().acknowledged_deletions.contains(&token)
    }
}

impl Record {
    fn tokens(&self) -> impl Iterator<Item = Token> + use<> {
        (1..=u32::try_from(self.origins.len()).expect("few tokens")).map(Token)
    }

    fn origin(&self, token: Token) -> &Origin {
        &self.origins[token.0 as usize - 1]
    }

    fn closure(&self, tokens: impl IntoIterator<Item = Token>) -> Closure {
        let mut included = vec![false; self.origins.len()];
        let mut open: Vec<_> = tokens.into_iter().filter(|token| *token != Token::NONE).collect();
        while let Some(token) = open.pop() {
            if !std::mem::replace(&mut included[token.0 as usize - 1], true) {
                open.extend(&self.origin(token).knows);
            }
        }
        Closure(included)
    }

    fn all_in(&self, closure: &Closure) -> Vec<Token> {
        self.tokens().filter(|token| closure.contains(*token)).collect()
    }
}

/// Computes each closure once.
#[derive(Debug)]
pub struct Closures<'a> {
    ghosts: &'a Ghosts,
    known: HashMap<Token, Closure>,
}

impl<'a> Closures<'a> {
    /// Of the tokens in `ghosts`, which must not change meanwhile.
    #[must_use]
    pub fn new(ghosts: &'a Ghosts) -> Self {
        Self { ghosts, known: HashMap::new() }
    }

    /// Whether `root` is or knows `token`.
    pub fn knows(&mut self, root: Token, token: Token) -> bool {
        let ghosts = self.ghosts;
        self.known.entry(root).or_insert_with(|| ghosts.closure([root])).contains(token)
    }
}
