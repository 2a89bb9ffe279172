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
//! A cursor can't be continued in two cases:
//! - The database lost what the device may still hold, because a backup was restored: the cursor is
//!   later than the stamp up to which the device's history and the database's are the same. The
//!   device offers the server what it holds beyond that stamp. [`history`] keeps these stamps.
//! - Tombstones that the device has not seen are gone: the cursor is older than the horizon. The
//!   device starts from the beginning.
//!
//! A device whose cursor can be continued compares the [`Digest`] of its todos with the server's.
//! If they differ, the device and the server did not see the same history after all.
//!
//! A device that starts from the beginning gets page after page, and the first pages may end before
//! the horizon. They contain nothing that was deleted up to the horizon, so the device misses
//! nothing. Such a cursor carries an [`InitialSync`], which distinguishes it from one that is too
//! old.
//!
//! Deliberately absent: the rule that decides a change (it is [`crate::todo::resolve()`]) and the
//! wire format.

pub mod cursor;
pub mod digest;
pub mod history;
mod service;
mod timestamp;

pub use cursor::{Cursor, Position, StaleCursor, StaleReason};
pub use digest::Digest;
pub use history::{Epoch, Epochs, History, UserEpoch};
pub use service::{Replay, SyncAnswer, SyncOutcome, SyncRequest, SyncService};
pub use timestamp::{InitialSync, SyncTimestamp};
