//! What several surfaces share: representations of todos, and the responses to outcomes.

mod conflict;
mod outcome;
mod todo;

pub use conflict::{Conflict, StrategyName};
pub use outcome::{changed_todo, id_in_use, rejection};
pub use todo::Todo;
