//! Changes that depend on the version of the todo.

use super::TodoService;
use crate::error::StoreError;
use crate::ids::UserId;
use crate::todo::change::{Base, Change};
use crate::todo::outcome::Outcome;

/// A condition for making a change. A change whose effect is already in place succeeds regardless
/// of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The todo may have any version.
    Any,
    /// The todo has one of these versions. An empty list never holds.
    OneOf(Vec<i64>),
}

impl Precondition {
    /// Holds if the todo has this version; without a version, always.
    #[must_use]
    pub fn version(version: Option<i64>) -> Self {
        version.map_or(Self::Any, |version| Self::OneOf(vec![version]))
    }
}

impl TodoService {
    /// Makes the change if `precondition` holds; else the outcome is `Conflict`.
    ///
    /// The store compares a change with one version, under the user's lock. If that is not the
    /// current version, but the precondition allows the current version, the service tries again
    /// with it. Versions only grow, so the tries are finite.
    pub(super) async fn change_if(
        &self,
        user: UserId,
        precondition: Precondition,
        mut change: Change,
    ) -> Result<Option<Outcome>, StoreError> {
        let Precondition::OneOf(versions) = precondition else { return self.one(user, change).await };
        // No todo has version 0.
        let mut version = if let [only] = versions[..] { only } else { 0 };
        loop {
            change.base = Base::Version(version);
            let outcome = self.one(user, change.clone()).await?;
            match &outcome {
                Some(Outcome::Conflict(conflict)) if versions.contains(&conflict.current.version()) => {
                    version = conflict.current.version();
                }
                _ => return Ok(outcome),
            }
        }
    }
}
