//! Changes of a todo that the caller names by its number.

use super::TodoService;
use crate::error::StoreError;
use crate::ids::UserId;
use crate::todo::change::{Action, Base, Change, Edit};
use crate::todo::outcome::Outcome;
use crate::todo::values::TodoNumber;

impl TodoService {
    /// Edits the live todo with this number: `Applied`, `Unchanged` or `NotFound`.
    pub async fn edit_by_number(
        &self,
        user: UserId,
        number: TodoNumber,
        edit: Edit,
    ) -> Result<Option<Outcome>, StoreError> {
        self.change_by_number(user, number, Action::Edit(edit)).await
    }

    /// Flips `completed` of the live todo with this number: `Applied` or `NotFound`.
    pub async fn toggle_by_number(
        &self,
        user: UserId,
        number: TodoNumber,
    ) -> Result<Option<Outcome>, StoreError> {
        self.change_by_number(user, number, Action::Toggle).await
    }

    /// Deletes the live todo with this number: `Applied`, `Unchanged` (another request deleted it at the same
    /// time) or `NotFound`.
    pub async fn delete_by_number(
        &self,
        user: UserId,
        number: TodoNumber,
    ) -> Result<Option<Outcome>, StoreError> {
        self.change_by_number(user, number, Action::Delete).await
    }

    async fn change_by_number(
        &self,
        user: UserId,
        number: TodoNumber,
        action: Action,
    ) -> Result<Option<Outcome>, StoreError> {
        // A number names the same todo for ever, so the look-up need not be in the change's transaction.
        match self.get_by_number(user, number).await? {
            Some(todo) => {
                let change = Change { id: todo.id(), base: Base::Current, action, client_id: None };
                self.one(user, change).await
            }
            None => Ok(Some(Outcome::NotFound)),
        }
    }
}
