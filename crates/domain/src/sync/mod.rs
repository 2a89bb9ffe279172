//! The exchange between a device and the server.
//!
//! A device keeps a [`Cursor`]: the stamp up to which it has seen everything. It sends its changes,
//! each with the version that the change was made against. The server decides each change, writes
//! what it accepts in one transaction, and answers with every todo that changed after the cursor
//! and with a new cursor. The stamps of one user are handed out under that user's lock, so commit
//! order is stamp order, and "everything after the cursor" misses nothing. If the answer is lost,
//! the device sends the request again. A change whose effect is already in place is not applied
//! twice.
//!
//! A cursor can't be continued in two cases, and then the device starts from the beginning:
//! - Tombstones that the device has not seen are gone: the cursor is older than the horizon.
//! - The cursor comes from a history that this database does not have, because a backup was
//!   restored: the cursor is ahead of the user's clock, or it names another epoch.
//!
//! A device that starts from the beginning gets page after page, and the first pages may end before
//! the horizon. They contain nothing that was deleted up to the horizon, so the device misses
//! nothing. Such a cursor carries an [`InitialSync`], which distinguishes it from one that is too
//! old.
//!
//! Deliberately absent: the rule that decides a change (it is [`crate::todo::resolve()`]) and the
//! wire format.

pub mod cursor;
mod service;

pub use cursor::{Cursor, Epoch, InitialSync, Position, SyncTimestamp};
pub use service::{Replay, SyncAnswer, SyncOutcome, SyncRequest, SyncService};
