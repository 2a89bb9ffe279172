//! Look-ups and changes for API surfaces that distinguish a missing todo from another user's todo.

use super::{Precondition, TodoService};
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::todo::change::Edit;
use crate::todo::entity::Todo;
use crate::todo::outcome::Outcome;

/// The result of looking up a todo that the caller names by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned<T> {
    Own(T),
    /// The user has no such live todo, but another user has.
    AnotherUsers,
    Missing,
}

impl TodoService {
    /// The live todo with this id.
    pub async fn get_owned(&self, user: UserId, id: TodoId) -> Result<Owned<Todo>, StoreError> {
        match self.get(user, id, false).await? {
            Some(todo) => Ok(Owned::Own(todo)),
            None => self.not_own(user, id).await,
        }
    }

    /// Edits a live todo. If it is the user's own: `Applied` or `Unchanged`.
    pub async fn edit_owned(
        &self,
        user: UserId,
        id: TodoId,
        edit: Edit,
    ) -> Result<Owned<Option<Outcome>>, StoreError> {
        match self.edit(user, id, Precondition::Any, edit, None).await? {
            Some(Outcome::NotFound) => self.not_own(user, id).await,
            outcome => Ok(Owned::Own(outcome)),
        }
    }

    /// Deletes a live todo. If it is the user's own: `Applied`.
    pub async fn delete_owned(&self, user: UserId, id: TodoId) -> Result<Owned<Option<Outcome>>, StoreError> {
        match self.delete(user, id, Precondition::Any).await? {
            // A tombstone is not a live todo.
            Some(Outcome::NotFound | Outcome::Unchanged { .. }) => self.not_own(user, id).await,
            outcome => Ok(Owned::Own(outcome)),
        }
    }

    async fn not_own<T>(&self, user: UserId, id: TodoId) -> Result<Owned<T>, StoreError> {
        Ok(if self.store.belongs_to_another_user(user, id).await? {
            Owned::AnotherUsers
        } else {
            Owned::Missing
        })
    }
}
