//! The server's todos with their tokens, as far as its answers tell.
//!
//! The shadow follows what the server did with each change, and checks it against what the change
//! named: a change alters the fields that it names, to the values that it names, and nothing else.
//! It repeats no rule about which change applies.

use std::collections::BTreeMap;

use domain::todo::Strategy;
use domain::{Stamp, TodoId};

use super::ghosts::Ghosts;
use super::token::Token;
use super::values::{Held, Key, Row, Value, deletes, tokens};
use super::wire::Upload;

/// The todos of one user.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    rows: BTreeMap<TodoId, Row>,
    /// When todos were created again whose tombstones were gone.
    created_again: BTreeMap<TodoId, Stamp>,
}

impl Shadow {
    /// The todos with their tokens.
    #[must_use]
    pub const fn rows(&self) -> &BTreeMap<TodoId, Row> {
        &self.rows
    }

    /// The todo with its tokens. Fails unless the server shows the todo as it was written.
    #[must_use]
    pub fn annotate(&self, shown: &Row) -> Row {
        let row = self.rows.get(&shown.id);
        let row = row.unwrap_or_else(|| panic!("the server shows a todo that was never written: {shown:?}"));
        let same = row.is_same_version(shown) && row.differing(shown).is_empty();
        assert!(same, "the server shows {shown:?} where it wrote {row:?}");
        row.clone()
    }

    /// A change deleted a todo that the server does not have.
    pub fn deleted_unknown(&self, ghosts: &Ghosts, upload: &Upload) {
        assert!(deletes(&upload.fields) && !self.rows.contains_key(&upload.id), "nothing is stored");
        ghosts.forget_tombstone(upload.id, upload.fields[&Key::Deleted].token);
    }

    /// The server accepted a change, at least in part, and the todo is `after` now.
    pub fn accepted(&mut self, ghosts: &Ghosts, upload: &Upload, strategy: Strategy, after: &Row) {
        match self.rows.get(&upload.id).cloned() {
            Some(before) if before.version == after.version => in_place(ghosts, upload, &before, after),
            Some(before) => {
                // These strategies are asked to replace what the device does not know.
                let replaces = matches!(strategy, Strategy::LastWriteWins | Strategy::ClientWins)
                    || self.means_former(upload);
                let row = written(ghosts, upload, replaces, &before, after);
                self.rows.insert(row.id, row);
            }
            None => {
                if ghosts.last_deletion(after.id).is_some() {
                    self.created_again.insert(after.id, after.updated_at);
                }
                let row = created(ghosts, upload, after);
                self.rows.insert(row.id, row);
            }
        }
    }

    /// Whether the change names a version of a former todo with this id. The versions of the new one
    /// begin at 1 again, so neither side can tell, and nothing is promised.
    fn means_former(&self, upload: &Upload) -> bool {
        let created_again = self.created_again.get(&upload.id);
        upload.version.is_some_and(|version| version > 0) && created_again > Some(&upload.seen_at)
    }

    /// The server refused a change. The values that were in place count as known all the same.
    pub fn refused(&self, ghosts: &Ghosts, upload: &Upload) {
        let Some(before) = self.rows.get(&upload.id) else { return };
        for (key, held) in upload.fields.iter().filter(|(key, held)| before.holds(**key, **held)) {
            ghosts.equate(ghosts.shown_in(before, *key), held.token);
        }
    }

    /// A client that knew the todo as it was changed it to `after`.
    pub fn changed_elsewhere(&mut self, ghosts: &Ghosts, after: &Row) {
        let before = self.rows.get(&after.id).cloned().unwrap_or(Row::unknown(after.id));
        if before.version == 0 && ghosts.last_deletion(after.id).is_some() {
            self.created_again.insert(after.id, after.updated_at);
        }
        let mut row = after.clone();
        for (key, held) in &mut row.fields {
            held.token = before.token(*key);
            if before.value(*key) != held.value || before.version == 0 {
                let all = held.value.is_true() && *key == Key::Deleted;
                let mut known = if all { ghosts.shown_by(&before) } else { vec![held.token] };
                known.extend(ghosts.last_deletion(after.id).filter(|_| before.version == 0));
                held.token = ghosts.token(after.id, *key, known);
            }
        }
        self.rows.insert(row.id, row);
    }

    /// Follows the removal and the shrinking of tombstones: the server has `rows` now.
    pub fn keep(&mut self, ghosts: &Ghosts, rows: &[Row]) {
        let left: BTreeMap<_, _> = rows.iter().map(|row| (row.id, row)).collect();
        self.rows.retain(|id, row| {
            let Some(stored) = left.get(id) else {
                assert!(row.is_tombstone(), "only tombstones are removed: {row:?}");
                ghosts.forget_tombstone(*id, row.token(Key::Deleted));
                return false;
            };
            assert!(row.is_same_version(stored), "{stored:?} is stored instead of {row:?}");
            if stored.is_shrunk() {
                row.fields.retain(|key, held| stored.holds(*key, *held));
            }
            true
        });
        assert_eq!(self.rows.len(), rows.len(), "no todo appears by itself");
    }
}

/// The values that the change names are there already: their authors count as knowing each other.
fn in_place(ghosts: &Ghosts, upload: &Upload, before: &Row, after: &Row) {
    assert!(before.is_same_version(after) && before.differing(after).is_empty(), "nothing is written");
    for (key, held) in &upload.fields {
        if before.holds(*key, *held) {
            ghosts.equate(ghosts.shown_in(before, *key), held.token);
        } else if before.is_tombstone() && deletes(&upload.fields) {
            ghosts.learn(before.token(Key::Deleted), held.token);
        }
    }
}

fn created(ghosts: &Ghosts, upload: &Upload, after: &Row) -> Row {
    assert_eq!(after.version, 1, "a new todo has version 1");
    let mut row = after.clone();
    for (key, held) in &mut row.fields {
        let named = upload.fields.get(key);
        let in_tombstone = deletes(&upload.fields) && *key != Key::Deleted;
        let value = named.map_or(key.initial(), |named| named.value);
        assert!(in_tombstone || held.value == value, "{key:?} of a new todo");
        held.token = named.map_or_else(|| ghosts.initial(upload.id, *key), |named| named.token);
    }
    let last = ghosts.last_deletion(row.id);
    if row.is_tombstone() {
        // It takes the place of the one that is gone.
        if let Some(last) = last {
            ghosts.learn(row.token(Key::Deleted), last);
        }
    }
    let last = last.filter(|_| upload.edited && !row.is_tombstone());
    if let Some(deletion) = row.fields.get_mut(&Key::Deleted)
        && last.is_some()
    {
        // The deletion was promised to hold only as long as its tombstone is kept.
        deletion.token = ghosts.token(upload.id, Key::Deleted, [deletion.token].into_iter().chain(last));
    }
    row
}

fn written(ghosts: &Ghosts, upload: &Upload, replaces: bool, before: &Row, after: &Row) -> Row {
    assert_eq!(after.version, before.version + 1, "an accepted change raises the version by one");
    assert!(after.updated_at > before.updated_at, "stamps rise");
    let mut row = after.clone();
    let mut edited = false;
    for key in Key::ALL.into_iter().filter(|key| *key != Key::Deleted) {
        let (old, new) = (before.value(key), after.value(key));
        let named = upload.fields.get(&key).filter(|held| held.value == new);
        assert!(old == new || named.is_some(), "the change does not name {key:?}: {before:?} {after:?}");
        let token = match named {
            Some(held) if old == new => {
                ghosts.equate(ghosts.shown_in(before, key), held.token);
                ghosts.shown_in(before, key)
            }
            Some(held) => {
                edited = true;
                if replaces {
                    ghosts.learn(held.token, ghosts.shown_in(before, key));
                }
                held.token
            }
            None => ghosts.shown_in(before, key),
        };
        if let Some(held) = row.fields.get_mut(&key) {
            held.token = token;
        }
    }
    let deletion = Held {
        value: Value::Flag(row.is_tombstone()),
        token: deletion(ghosts, upload, before, after, edited, replaces),
    };
    row.fields.insert(Key::Deleted, deletion);
    row
}

/// The token of `deleted` after a change.
fn deletion(
    ghosts: &Ghosts,
    upload: &Upload,
    before: &Row,
    after: &Row,
    edited: bool,
    replaces: bool,
) -> Token {
    let old = before.token(Key::Deleted);
    let named = upload.fields.get(&Key::Deleted).map(|held| held.token);
    match (before.is_tombstone(), after.is_tombstone()) {
        // An edit may restore a todo that it does not know to be deleted.
        (true, false) if edited || replaces => {
            let named = named.unwrap_or(Token::NONE);
            ghosts.token(upload.id, Key::Deleted, [old, named])
        }
        (false, true) if replaces => {
            let named = named.expect("only a deletion deletes");
            tokens(&before.fields).for_each(|token| ghosts.learn(named, token));
            named
        }
        (true, false) | (false, true) => named.expect("a change of `deleted` names it"),
        (true, true) | (false, false) => {
            if let Some(named) = named.filter(|_| deletes(&upload.fields) == after.is_tombstone()) {
                ghosts.equate(old, named);
            }
            old
        }
    }
}
