//! Reads the exports of other programs: Todoist, `TickTick`, Microsoft To Do, Google Tasks, Tasks.org and
//! Super Productivity.
//!
//! - [`read`] recognises a file and returns its tasks as todos of a user, with what was changed and why
//! - [`Program`]s differ in the module of each; `task` is the form that they share, and `todo` makes todos of it
//!
//! A todo's id depends on the user and on the task alone, so that reading a file twice names the same todos.
//!
//! Deliberately absent: the store. The todos are written by [`TodoService`](domain::todo::TodoService), like all
//! others.

mod detect;
mod export;
mod google;
mod microsoft;
mod moment;
mod row;
mod super_productivity;
mod task;
mod tasks_org;
mod ticktick;
mod todo;
mod todoist;

pub use detect::read;
pub use export::{Entry, Export, Program, ReadError};
