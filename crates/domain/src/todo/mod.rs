//! The todo: its contents, its changes, and the rule that decides about them.
//!
//! In reading order:
//! - [`Todo`], its [`Title`], [`Description`] ([`Fitted`] to text of any length) and [`Metadata`], its [`Field`]s and their [`Versions`]
//! - [`Change`], and the [`Base`] and [`Strategy`] that decide whether it is stale
//! - [`resolve()`], the conflict rule: it decides one change of one todo, with one [`Outcome`]
//! - [`Batch`], the changes that are written together, [`UserRow`], what is stored about the list as
//!   a whole, and [`Plan`](plan::Plan), the decision about both
//! - [`TodoStore`], the port to the database, and [`query`], what a client may ask of a list
//! - [`TodoService`], the use cases, and [`TodoEvent`], what open sockets receive
//!
//! Nothing here depends on accounts, sessions or rate limits. From [`crate::sync`], only cursors,
//! digests and histories are needed.
//!
//! Deliberately absent: a way to alter a todo that bypasses the rule, and any source of stamps or
//! ids.

mod batch;
mod change;
mod entity;
mod event;
mod field;
mod fitted;
#[cfg(test)]
mod laws;
mod limits;
mod metadata;
mod outcome;
pub mod plan;
pub mod query;
pub mod resolve;
mod service;
mod store;
mod strategy;
mod user_row;
mod values;

pub use batch::Batch;
pub use change::{Action, Base, Change, Edit, NewTodo, Upsert};
pub use entity::{StoredTodo, Todo};
pub use event::{BatchEvents, EventBus, EventKind, TodoEvent};
pub use field::{Field, Versions};
pub use fitted::Fitted;
pub use limits::StorageLimits;
pub use metadata::{Metadata, MetadataEdit, MetadataError, MetadataKey, MetadataValue};
pub use outcome::{Conflict, Decided, Outcome, Rejection};
pub use resolve::{EarlierChanges, Effect, LaterChanges, NamedValues, ResolveContext, resolve};
pub use service::{ListOutcome, Owned, Precondition, TodoService};
#[cfg(test)]
pub use store::MockTodoStore;
pub use store::{Changes, Commit, PART_BYTES, Page, TodoStore};
pub use strategy::{Strategy, UnknownStrategy};
pub use user_row::{OldTombstone, UserRow};
pub use values::{Description, InvalidTodoNumber, Title, TodoNumber};
