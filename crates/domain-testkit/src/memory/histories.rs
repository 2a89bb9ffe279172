//! Backups of one user's list, and the epochs of the store: what an operator does to a database.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::sync::Epochs;
use domain::todo::{Todo, UserRow};
use domain::{TodoId, UserId};

use super::MemoryStore;

/// A copy of one user's list.
#[derive(Clone, Debug)]
pub struct Backup {
    row: UserRow,
    todos: BTreeMap<TodoId, Todo>,
}

impl MemoryStore {
    /// Copies the user's list.
    #[must_use]
    pub fn back_up(&self, user: UserId) -> Backup {
        let state = self.state.lock().expect("no method panicked");
        let account = &state.users[&user];
        Backup { row: account.row.clone(), todos: account.todos.clone() }
    }

    /// Puts a copy in place of the user's list.
    pub fn restore(&self, user: UserId, backup: Backup) {
        let mut state = self.state.lock().expect("no method panicked");
        let account = state.users.get_mut(&user).expect("the user exists");
        (account.row, account.todos) = (backup.row, backup.todos);
    }

    /// Names the epochs of the database, oldest first.
    pub fn set_epochs(&self, names: &[String]) {
        let epochs = Epochs::new((1..).zip(names.iter().cloned())).expect("there is one");
        self.state.lock().expect("no method panicked").epochs = Arc::new(epochs);
    }
}
